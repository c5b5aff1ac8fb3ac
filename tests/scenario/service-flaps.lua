-- The service dies on the primary each time that it has come back. After three moves within the
-- hour Baton holds with the reason, instead of tossing the service to and fro all night.
return scenario "the service flaps" {
    set { restarts = 0, failback_after = 60, max_moves = 3, window = 3600 },
    at(60,  crash_service "server01"),
    at(300, crash_service "server01"),
    at(540, crash_service "server01"),
    at(780, crash_service "server01"),
    at(900, resume { reason = "the disk is replaced" }),
    expect.active("server01", { at = 290 }),
    expect.active("server01", { at = 530 }),
    expect.active("server01", { at = 770 }),
    expect.hold("moves", { from = 800, to = 899 }),
    expect.holder("server01", { from = 780, to = 899 }),
    expect.said("unplanned moves", { from = 780, to = 800 }),
    expect.serves("server02", { from = 920, to = 950 }),
    ends(950),
}
