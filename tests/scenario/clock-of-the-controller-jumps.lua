-- Somebody sets the monitor's clock an hour ahead, then back by two. Baton counts on a clock that
-- nobody can set, and a wrong clock of its own is nothing against the servers.
return scenario "the controller's clock jumps" {
    at(60,  jump_clock("controller", 3600)),
    at(300, jump_clock("controller", -7200)),
    expect.active("server01", { from = 20, to = 700 }),
    expect.standby("server02", { from = 30, to = 700 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    expect.never "a hold",
    ends(700),
}
