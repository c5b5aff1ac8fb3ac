-- The standby dies as it takes over from a dead primary. Nobody is left; the first of the two to
-- come back must end up serving without a person.
return scenario "the standby dies during the failover" {
    set { unconfirmed = "fence", failback = false },
    at(60,  crash "server01"),
    at(step("grant", { on = "server02" }), crash "server02"),
    at(300, recover "server02"),
    expect.serves("server02", { by = 400 }),
    expect.serves "server02",
    ends(460),
}
