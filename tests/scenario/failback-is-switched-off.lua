-- failback = false: the old primary is well for half an hour, and nothing moves until somebody wants it.
return scenario "the failback is switched off" {
    set { unconfirmed = "fence", failback = false },
    at(60,  crash "server01"),
    at(200, recover "server01"),
    expect.active("server02", { from = 95, to = 1800 }),
    expect.standby("server01", { from = 240, to = 1800 }),
    expect.moves { exactly = 1 },
    expect.never "a failback",
    ends(1800),
}
