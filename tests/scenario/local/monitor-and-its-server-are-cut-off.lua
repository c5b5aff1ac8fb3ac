-- The standby, the monitor on it, is cut off from everything. It sees nobody, not even the
-- gateway, and must not take the service for itself.
return scenario "the monitor is cut off together with its server" {
    set { unconfirmed = "fence" },
    at(60,  cut("server02", "server01"), cut("server02", "gateway"), cut("server02", "client")),
    at(300, mend("server02", "server01"), mend("server02", "gateway"), mend("server02", "client")),
    expect.serves("server01", { from = 10, to = 400 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    expect.never "a fence",
    ends(400),
}
