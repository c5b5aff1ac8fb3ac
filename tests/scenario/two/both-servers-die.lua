-- The breaker trips: both servers are off. The standby comes back first; the primary is certified
-- off by the fence, and the standby serves.
return scenario "both servers die" {
    set { unconfirmed = "fence", failback_after = 60 },
    at(60,  crash "server01", crash "server02"),
    at(300, recover "server02"),
    at(600, recover "server01"),
    expect.serves("nobody", { from = 61, to = 299 }),
    expect.serves("server02", { by = 380 }),
    expect.serves("server02", { from = 380, to = 650 }),
    expect.active("server01", { by = 720 }),
    ends(760),
}
