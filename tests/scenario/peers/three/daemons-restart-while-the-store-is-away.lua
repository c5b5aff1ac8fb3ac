-- Batons are restarted one after the other while the store is away. Who just started takes nothing
-- before a ttl has passed: it may have forgotten a promise.
return scenario "Batons are restarted while the store is away" {
    at(60,  lose_store()),
    at(80,  kill_daemon("server02", { restart = 1, records = "lost" })),
    at(100, kill_daemon("server03", { restart = 1, records = "lost" })),
    at(140, restore_store_late()),
    expect.never "two nodes serve",
    expect.never "a move",
    expect.serves("server01", { from = 20, to = 78 }),
    expect.serves("server01", { from = 200, to = 240 }),
    ends(240),
}
