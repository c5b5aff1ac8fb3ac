-- The primary dies while the monitor is frozen. The service is back soon after the monitor is.
return scenario "the primary dies while the monitor is suspended" {
    set { unconfirmed = "fence", failback = false },
    at(60,  hang "controller"),
    at(120, crash "server01"),
    at(300, recover "controller"),
    expect.serves("server02", { by = 345 }),
    expect.serves "server02",
    expect.moves { exactly = 1 },
    ends(400),
}
