-- With failsafe: the store is gone, but each other node says that it does not serve and will not.
-- The holder goes on, for an hour if need be, and holds the baton again when the store is back.
return scenario "the lease store is lost, and all vouch for the holder" {
    at(60,  lose_store()),
    at(3660, restore_store()),
    expect.serves("server01", { from = 20, to = 3720 }),
    expect.active("server01", { from = 20, to = 3720 }),
    expect.holder("server01", { from = 3690, to = 3720 }),
    expect.said("failsafe", { from = 60, to = 70 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    expect.never "two nodes serve",
    ends(3720),
}
