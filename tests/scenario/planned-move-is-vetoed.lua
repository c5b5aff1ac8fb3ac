-- A backup runs, and a hook says so before the move. Nothing is touched; the next try, after the
-- backup, goes through.
return scenario "a planned move is vetoed" {
    set { failback = false },
    at(50,  veto()),
    at(60,  failover { to = "server02", reason = "kernel update" }),
    at(200, no_veto()),
    at(260, failover { to = "server02", reason = "kernel update" }),
    expect.holder("server01", { from = 20, to = 259 }),
    expect.outage { from = 0, to = 259, at_most = 0 },
    expect.said("vetoed", { by = 65 }),
    expect.active("server02", { by = 280 }),
    expect.moves { exactly = 1 },
    ends(320),
}
