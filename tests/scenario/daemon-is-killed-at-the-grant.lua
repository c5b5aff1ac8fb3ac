-- Killed in the moment in which the baton changes hands, once with its last records and once
-- without. Either way one server ends up with it, and nobody else.
return scenario "the daemon is killed at the grant" {
    set { restarts = 0, failback = false },
    at(60,  crash_service "server01"),
    at(step("grant", { on = "server02" }), kill_daemon { restart = 5 }),
    expect.outage { from = 130, to = 240, at_most = 0 },
    expect.outage { at_most = 60 },
    expect.moves { at_most = 1 },
    ends(240),
}
