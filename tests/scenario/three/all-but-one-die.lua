-- Two of three servers die at once; the last one serves.
return scenario "all but one die" {
    set { unconfirmed = "fence", failback_after = 60 },
    at(60,  crash "server01", crash "server02"),
    at(300, recover "server02"),
    at(500, recover "server01"),
    expect.serves("server03", { from = 120, to = 350 }),
    expect.active("server02", { by = 420 }),
    expect.active("server01", { by = 640 }),
    ends(700),
}
