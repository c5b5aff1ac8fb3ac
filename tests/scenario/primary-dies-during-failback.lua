-- The primary is back, takes the service, and dies in that very moment. What was a planned move
-- has become a failure: the standby takes the service again.
return scenario "the primary dies during the failback" {
    set { unconfirmed = "fence", failback_after = 60 },
    at(60,  crash "server01"),
    at(200, recover "server01"),
    at(step("grant", { on = "server01" }), crash "server01"),
    expect.serves("server02", { from = 95, to = 255 }),
    expect.serves("server02", { by = 400 }),
    expect.serves "server02",
    expect.outage { from = 200, to = 480, at_most = 90 },
    ends(480),
}
