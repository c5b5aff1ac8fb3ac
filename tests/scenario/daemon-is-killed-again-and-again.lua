-- A daemon that crashes in each of its starts must not make things worse.
return scenario "the daemon is killed again and again" {
    set { restarts = 0, failback = false },
    at(60, crash_service "server01"),
    at(step("grant", { on = "server02" }), kill_daemon { restart = 3 }),
    at(75,  kill_daemon { restart = 3 }),
    at(80,  kill_daemon { restart = 3 }),
    at(85,  kill_daemon { restart = 3 }),
    expect.outage { from = 150, to = 240, at_most = 0 },
    expect.moves { at_most = 1 },
    ends(240),
}
