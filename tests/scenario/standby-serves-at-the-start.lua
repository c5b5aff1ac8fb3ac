-- Baton is installed beside a service that runs on the second server. What runs is adopted and
-- touched by nobody; it moves to the preferred server only after the quiet time.
return scenario "the standby serves at the start" {
    set { failback_after = 300 },
    serving { "server02" },
    expect.active("server02", { from = 20, to = 290 }),
    expect.standby("server01", { from = 30, to = 290 }),
    expect.outage { from = 0, to = 290, at_most = 0 },
    expect.active("server01", { by = 400 }),
    expect.outage { at_most = 5 },
    expect.moves { exactly = 1 },
    expect.never "a failover",
    ends(420),
}
