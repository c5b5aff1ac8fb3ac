-- The standby's clock is an hour behind. Whatever a policy makes of that, the primary is well and
-- its clients must not notice.
return scenario "the standby's clock jumps" {
    at(60,  jump_clock("server02", -3600)),
    at(400, jump_clock("server02", 3600)),
    expect.active("server01", { from = 20, to = 600 }),
    expect.outage { at_most = 0 },
    expect.standby("server02", { by = 600 }),
    expect.never "a move",
    ends(600),
}
