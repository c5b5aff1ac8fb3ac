-- One node says nothing: it may be cut off and see the store. The holder stops.
return scenario "the lease store is lost, and one node is silent" {
    at(50,  crash "server03"),
    at(60,  lose_store()),
    at(180, restore_store()),
    expect.serves("server01", { from = 20, to = 62 }),
    expect.serves("nobody", { from = 69, to = 180 }),
    expect.serves("server01", { from = 225, to = 240 }),
    expect.never "two nodes serve",
    ends(240),
}
