-- The plainest bad day: the primary loses power, and comes back in the afternoon.
-- The standby must take over once it is certain, and give the service back when all is quiet.
return scenario "the primary dies at lunch" {
    set { unconfirmed = "fence", failback_after = 60 },
    at(60,  crash "server01"),
    at(300, recover "server01"),
    expect.serves("server01", { from = 10, to = 59 }),
    expect.serves("server02", { from = 75, to = 350 }),
    expect.active("server02", { from = 75, to = 350 }),
    expect.active("server01", { by = 420 }),
    expect.serves "server01",
    expect.outage { at_most = 13 },
    expect.moves { exactly = 2 },
    expect.hold("none", { from = 10, to = 420 }),
    ends(480),
}
