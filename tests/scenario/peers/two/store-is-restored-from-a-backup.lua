-- The store was set back to what it was before the last move. Who remembers a later epoch does not
-- believe it: nobody moves on its word until somebody has looked.
return scenario "the store is restored from a backup" {
    set { failback = false },
    at(60,  failover { to = "server02", at = "server01", reason = "a move that it will not know of" }),
    at(120, roll_back_store()),
    at(240, resume { at = "server02", reason = "it is the right one" }),
    expect.active("server02", { from = 80, to = 119 }),
    expect.hold("epoch", { by = 150 }),
    expect.said("it is an old copy", { from = 120, to = 125 }),
    expect.hold("none", { from = 270, to = 300 }),
    expect.never "two nodes serve",
    ends(300),
}
