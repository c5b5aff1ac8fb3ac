-- Killed while it puts the address on the new primary. The move goes on after the restart.
return scenario "the daemon is killed as it starts" {
    set { restarts = 0, failback = false },
    at(60, crash_service "server01"),
    at(step("add the floating address", { on = "server02" }), kill_daemon { restart = 5 }),
    expect.serves("server02", { from = 120, to = 240 }),
    expect.active("server02", { at = 240 }),
    expect.outage { at_most = 60 },
    expect.moves { at_most = 1 },
    ends(240),
}
