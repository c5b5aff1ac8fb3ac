-- The failback fails at its start on the primary. The service goes back to where it was well, and
-- the next try does not follow at once.
return scenario "a failed failback rests" {
    set { restarts = 0, unconfirmed = "fence", failback_after = 60 },
    at(60,  crash_service "server01"),
    at(step("grant", { on = "server01" }), hang "server01"),
    at(400, recover "server01"),
    expect.serves("server02", { by = 300 }),
    expect.serves("server01", { by = 600 }),
    ends(600),
}
