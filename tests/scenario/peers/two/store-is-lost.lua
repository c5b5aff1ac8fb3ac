-- Without failsafe a holder whose lease can't be renewed stops by itself, before it is over. While
-- the store is down nobody can take the baton; when it is back one of them serves again.
return scenario "the lease store is lost" {
    at(60,  lose_store()),
    at(180, restore_store()),
    expect.serves("server01", { from = 20, to = 62 }),
    expect.serves("nobody", { from = 69, to = 180 }),
    expect.serves("server01", { from = 220, to = 240 }),
    expect.hold("none", { from = 220, to = 240 }),
    expect.never "two nodes serve",
    ends(240),
}
