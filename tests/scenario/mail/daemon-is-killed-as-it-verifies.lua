-- Killed when all is started and only a client's view is missing.
return scenario "the daemon is killed as it verifies" {
    set { restarts = 0, failback = false },
    at(60, crash_service "server01"),
    at(step("smtp on the floating address", { on = "server02" }), kill_daemon { restart = 5 }),
    expect.serves("server02", { from = 80, to = 240 }),
    expect.active("server02", { at = 240 }),
    expect.outage { at_most = 20 },
    expect.moves { at_most = 1 },
    ends(240),
}
