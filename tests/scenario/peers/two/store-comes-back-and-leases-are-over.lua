-- The store was away for a minute and its leases ran on meanwhile: all of them are over at once
-- when it is back. Whoever takes the baton then finds that nobody serves.
return scenario "the store comes back and the leases are over" {
    at(60,  lose_store()),
    at(120, restore_store_late()),
    expect.serves("nobody", { from = 69, to = 119 }),
    expect.outage { at_most = 90 },
    expect.serves("server01", { from = 180, to = 240 }),
    expect.never "two nodes serve",
    ends(240),
}
