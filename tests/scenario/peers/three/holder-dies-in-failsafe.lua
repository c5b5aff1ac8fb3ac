-- The holder dies while the store is away and the others had promised: when it is back their promise
-- is over soon, and one of them serves.
return scenario "the holder dies while the others vouch for it" {
    set { failback = false },
    at(60,  lose_store()),
    at(100, crash "server01"),
    at(130, restore_store()),
    expect.serves("server01", { from = 20, to = 99 }),
    expect.serves("server02", { from = 170, to = 220 }),
    expect.never "two nodes serve",
    ends(220),
}
