-- It hangs for shorter than its lease. Nothing happens.
return scenario "the holder's Baton hangs for a moment" {
    at(60,  hang_baton "server01"),
    at(62,  recover_baton "server01"),
    expect.active("server01", { from = 20, to = 120 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    ends(120),
}
