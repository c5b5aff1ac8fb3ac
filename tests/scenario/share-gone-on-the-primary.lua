-- The primary loses the share, the standby has it: a better place exists, so the service moves.
return scenario "the share is gone on the primary" {
    set { failback_after = 60, share_every = 5 },
    at(60,  lose_share "server01"),
    at(300, restore_share "server01"),
    expect.serves("server02", { from = 100, to = 350 }),
    expect.outage { at_most = 5 },
    expect.active("server01", { by = 400 }),
    expect.moves { exactly = 2 },
    expect.never "a hold",
    ends(440),
}
