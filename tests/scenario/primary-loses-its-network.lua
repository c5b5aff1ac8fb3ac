-- The switch port of the primary dies: nobody reaches it, yet it runs and believes that it
-- serves. It is fenced, and stays off until somebody starts it.
return scenario "the primary loses its network" {
    set { unconfirmed = "fence", failback = false },
    at(60,  cut("controller", "server01"), cut("client", "server01"), cut("gateway", "server01"),
            cut("share", "server01")),
    at(300, mend("controller", "server01"), mend("client", "server01"), mend("gateway", "server01"),
            mend("share", "server01")),
    at(400, recover "server01"),
    expect.serves("server02", { from = 100, to = 500 }),
    expect.outage { at_most = 40 },
    expect.standby("server01", { by = 450 }),
    expect.moves { exactly = 1 },
    ends(500),
}
