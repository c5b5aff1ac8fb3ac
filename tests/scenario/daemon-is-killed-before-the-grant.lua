-- Killed while it looks whether the old primary is out: the move has come to nothing yet, and the
-- next daemon begins anew.
return scenario "the daemon is killed before the grant" {
    set { restarts = 0, failback = false },
    at(60, crash_service "server01"),
    at(step("look", { on = "server01" }), kill_daemon { restart = 5 }),
    expect.outage { from = 130, to = 240, at_most = 0 },
    expect.outage { at_most = 60 },
    expect.moves { at_most = 1 },
    expect.hold("none", { from = 130, to = 240 }),
    ends(240),
}
