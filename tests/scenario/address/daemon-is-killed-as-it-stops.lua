-- Killed while it takes the address off the old primary.
return scenario "the daemon is killed as it stops" {
    set { restarts = 0, failback = false },
    at(60, crash_service "server01"),
    at(step("remove the floating address", { on = "server01" }), kill_daemon { restart = 5 }),
    expect.outage { from = 130, to = 240, at_most = 0 },
    expect.outage { at_most = 60 },
    expect.moves { at_most = 1 },
    ends(240),
}
