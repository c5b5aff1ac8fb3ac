-- The store is away for shorter than a lease, again and again: the service goes on.
return scenario "the lease store blinks" {
    at(60,  lose_store()),
    at(62,  restore_store()),
    at(70,  lose_store()),
    at(72,  restore_store()),
    at(80,  lose_store()),
    at(82,  restore_store_late()),
    expect.active("server01", { from = 20, to = 120 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    ends(120),
}
