-- The leases ran on while the store was away: the holder's is over, it takes the baton again with
-- the next epoch, and the service goes on untouched.
return scenario "the store comes back and the holder's lease is over" {
    at(60,  lose_store()),
    at(120, restore_store_late()),
    expect.serves("server01", { from = 20, to = 180 }),
    expect.holder("server01", { from = 130, to = 180 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    ends(180),
}
