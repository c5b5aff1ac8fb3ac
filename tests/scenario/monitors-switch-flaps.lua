-- A switch reboots every minute for ten minutes. Whatever is seen through it, the service stays
-- where it is, because the gateway behind the same switch is silent in the same moments.
return scenario "the monitor's switch flaps" {
    set { unconfirmed = "fence" },
    at(60,  cut("controller", "server01"), cut("controller", "server02"), cut("controller", "gateway")),
    at(75,  mend("controller", "server01"), mend("controller", "server02"), mend("controller", "gateway")),
    at(120, cut("controller", "server01"), cut("controller", "server02"), cut("controller", "gateway")),
    at(135, mend("controller", "server01"), mend("controller", "server02"), mend("controller", "gateway")),
    at(180, cut("controller", "server01"), cut("controller", "server02"), cut("controller", "gateway")),
    at(195, mend("controller", "server01"), mend("controller", "server02"), mend("controller", "gateway")),
    expect.outage { at_most = 0 },
    expect.active("server01", { by = 240 }),
    expect.never "a move",
    expect.never "a fence",
    ends(240),
}
