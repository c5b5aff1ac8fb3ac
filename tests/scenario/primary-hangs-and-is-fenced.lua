-- The kernel of the primary hangs: it answers nothing, but keeps its address and may wake up
-- any time. Only a fence makes it safe to start the standby.
return scenario "the primary hangs and is fenced" {
    set { unconfirmed = "fence", failback = false },
    at(60,  hang "server01"),
    at(300, recover "server01"),
    expect.serves("server02", { from = 100, to = 400 }),
    expect.said("hook fence", { by = 100 }),
    expect.standby("server01", { by = 340 }),
    expect.outage { at_most = 40 },
    expect.moves { exactly = 1 },
    ends(400),
}
