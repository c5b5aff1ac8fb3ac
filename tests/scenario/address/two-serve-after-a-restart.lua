-- While the daemon is down, somebody starts the standby by hand. The record says who may serve,
-- so the other one is stopped, without asking.
return scenario "two serve after a restart of the daemon" {
    at(60,  kill_daemon { restart = 60 }),
    at(70,  bring_up("server02", "service"), bring_up("server02", "address")),
    expect.active("server01", { by = 140 }),
    expect.standby("server02", { by = 140 }),
    expect.serves("server01", { from = 140, to = 200 }),
    expect.never "a move",
    expect.never "a hold",
    ends(200),
}
