-- The primary's clock is an hour behind: mail would be dated wrongly, certificates might fail. Two
-- other clocks agree against it, so the service moves, and comes back when the clock is right.
return scenario "the primary's clock jumps" {
    set { clock_every = 20, failback_after = 60 },
    at(60,  jump_clock("server01", -3600)),
    at(300, jump_clock("server01", 3600)),
    expect.serves("server02", { from = 150, to = 350 }),
    expect.outage { at_most = 5 },
    expect.active("server01", { by = 500 }),
    expect.moves { exactly = 2 },
    ends(540),
}
