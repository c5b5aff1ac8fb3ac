-- An operator's command is given on any node; the holder's Baton carries it out.
return scenario "planned moves, ordered on either node" {
    set { failback = false },
    at(60,  failover { to = "server02", at = "server01", reason = "ordered where it serves" }),
    at(120, failover { to = "server01", at = "server02", reason = "likewise" }),
    at(180, failover { to = "server02", at = "server02", reason = "ordered where it goes" }),
    at(240, failback { at = "server01" }),
    expect.active("server02", { from = 80, to = 119 }),
    expect.active("server01", { from = 140, to = 179 }),
    expect.active("server02", { from = 200, to = 239 }),
    expect.active("server01", { from = 260, to = 300 }),
    expect.outage { at_most = 5 },
    expect.moves { exactly = 4 },
    expect.never "two nodes serve",
    expect.never "a failover",
    ends(300),
}
