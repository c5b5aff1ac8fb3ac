-- Killed when the grant is done and the start has begun. An interrupted move is not forgotten: it
-- goes on where it was.
return scenario "the daemon is killed after the grant" {
    set { restarts = 0, failback = false },
    at(60, crash_service "server01"),
    at(step("grant", { on = "server02", ends = true, after = 0.05 }), kill_daemon { restart = 5 }),
    expect.serves("server02", { by = 120 }),
    expect.active("server02", { at = 240 }),
    expect.serves "server02",
    expect.outage { at_most = 60 },
    expect.moves { at_most = 1 },
    ends(240),
}
