-- The store forgets a move just as it is made. Who made it has heard nothing of the store since,
-- and still knows better.
return scenario "the store is set back right after a move" {
    set { failback = false },
    at(60, failover { to = "server02", at = "server01", reason = "a move that the store forgets" }),
    at(61, roll_back_store()),
    expect.never "two nodes serve",
    expect.hold("epoch", { by = 90 }),
    ends(120),
}
