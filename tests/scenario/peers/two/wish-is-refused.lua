-- A wish that can't be carried out: the server that should take over is down. Whoever wished it is
-- told so, and the service stays.
return scenario "a wish is refused" {
    at(60,  crash "server02"),
    at(90,  failover { to = "server02", at = "server01", reason = "it is down" }),
    at(150, recover "server02"),
    at(200, lose_share "server02"),
    at(250, failover { to = "server02", at = "server02", reason = "not fit" }),
    expect.active("server01", { from = 20, to = 280 }),
    expect.said("refused", { from = 90, to = 100 }),
    expect.said("refused", { from = 250, to = 260 }),
    expect.never "a move",
    expect.outage { at_most = 0 },
    ends(280),
}
