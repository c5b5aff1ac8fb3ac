-- Somebody starts the service and its address on the standby by hand, out of habit. Two serve
-- until Baton has seen it and stopped the one without the baton, which is seconds.
return scenario "started by hand on the standby" {
    at(60, bring_up("server02", "service"), bring_up("server02", "address")),
    expect.serves("server01", { from = 75, to = 200 }),
    expect.active("server01", { from = 20, to = 200 }),
    expect.said("serves without the baton", { from = 60, to = 70 }),
    expect.outage { from = 75, to = 200, at_most = 0 },
    expect.never "a move",
    ends(200),
}
