-- The standby is lost while the primary is well. Clients must not notice, and nothing is fenced:
-- a server that does not serve is nobody's rival.
return scenario "the standby dies" {
    set { unconfirmed = "fence" },
    at(60,  crash "server02"),
    at(400, recover "server02"),
    expect.active("server01", { from = 20, to = 500 }),
    expect.degraded("server02", { by = 100 }),
    expect.standby("server02", { by = 440 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    expect.never "a fence",
    expect.never "a hold",
    ends(500),
}
