-- The monitor runs on the standby: it takes over on its own machine.
return scenario "the primary dies under the monitor's eyes" {
    set { unconfirmed = "fence", failback_after = 60 },
    at(60,  crash "server01"),
    at(300, recover "server01"),
    expect.serves("server02", { from = 95, to = 350 }),
    expect.active("server01", { by = 420 }),
    expect.moves { exactly = 2 },
    ends(480),
}
