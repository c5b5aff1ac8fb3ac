-- Three servers: the second dies as it takes over from the first. The third is there.
return scenario "the standby dies during the failover to it" {
    set { unconfirmed = "fence", failback = false },
    at(60, crash "server01"),
    at(step("grant", { on = "server02" }), crash "server02"),
    expect.serves("server03", { by = 200 }),
    expect.serves "server03",
    ends(300),
}
