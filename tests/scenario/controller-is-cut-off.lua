-- The cable of the monitor itself is pulled: it sees nobody, not even the gateway. Everybody else
-- is well, so nothing may move, and above all nobody may be fenced.
return scenario "the controller is the one that is cut off" {
    set { unconfirmed = "fence" },
    at(60,  cut("controller", "server01"), cut("controller", "server02"), cut("controller", "gateway")),
    at(360, mend("controller", "server01"), mend("controller", "server02"), mend("controller", "gateway")),
    expect.holder("server01"),
    expect.serves("server01", { from = 10, to = 500 }),
    expect.outage { at_most = 0 },
    expect.active("server01", { by = 400 }),
    expect.never "a move",
    expect.never "a fence",
    expect.hold("none", { from = 400, to = 500 }),
    ends(500),
}
