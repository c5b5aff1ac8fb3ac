-- The store was set back to what it was before the last move. Who remembers a later epoch does not
-- believe it: nobody moves on its word until somebody has looked.
return scenario "the store is restored from a backup" {
    set { failback = false },
    at(60,  failover { to = "server02", at = "server01", reason = "a move that it will not know of" }),
    at(120, roll_back_store()),
    expect.active("server02", { from = 80, to = 119 }),
    expect.hold("epoch", { by = 150 }),
    expect.never "two nodes serve",
    ends(300),
}
