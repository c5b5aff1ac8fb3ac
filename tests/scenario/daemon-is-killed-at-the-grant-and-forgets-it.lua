-- The same, but what was written last never reached the disk. The grant never was.
return scenario "the daemon is killed at the grant and forgets it" {
    set { restarts = 0, failback = false },
    at(60,  crash_service "server01"),
    at(step("grant", { on = "server02" }), kill_daemon { restart = 5, records = "lost" }),
    expect.outage { from = 130, to = 240, at_most = 0 },
    expect.outage { at_most = 60 },
    expect.moves { at_most = 1 },
    ends(240),
}
