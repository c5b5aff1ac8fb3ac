-- Patch day: the operator moves the healthy service away, works, and moves it back.
return scenario "a planned move, there and back" {
    set { failback = false },
    at(60,  failover { to = "server02", reason = "kernel update" }),
    at(120, crash "server01"),
    at(200, recover "server01"),
    at(300, failback()),
    expect.active("server02", { from = 75, to = 299 }),
    expect.outage { at_most = 5 },
    expect.active("server01", { by = 315 }),
    expect.moves { exactly = 2 },
    expect.never "a failover",
    expect.never "a hold",
    ends(360),
}
