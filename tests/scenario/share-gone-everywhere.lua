-- The server of the share is down, so it is gone on both. No place is better, so nothing moves:
-- a move would only add an outage of its own.
return scenario "the share is gone everywhere" {
    set { share_every = 5 },
    at(60,  lose_share()),
    at(400, restore_share()),
    expect.holder("server01", { from = 20, to = 500 }),
    expect.active("server01", { by = 440 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    expect.never "a hold",
    ends(500),
}
