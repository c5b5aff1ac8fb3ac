-- The rack's power switch and the standby are on one fuse. The primary hangs: it can't be fenced,
-- and nobody could take over. When the fuse is back, so is the service.
return scenario "the fence and the standby fail together" {
    set { unconfirmed = "fence", failback = false },
    at(60,  crash "server02", fence_fails()),
    at(120, hang "server01"),
    at(300, recover "server02", fence_works()),
    at(360, resume { reason = "the fuse is replaced" }),
    expect.holder("server01", { from = 20, to = 299 }),
    expect.outage { from = 450, to = 500, at_most = 0 },
    ends(500),
}
