-- The holder's lease ran out while it was cut off and the others vouched for it. Back at the store
-- it has a new lease, to which no baton is bound yet, and just then its daemon hangs. The guardian
-- must not believe in that lease: it stops the service before a promise of the others ends.
return scenario "the daemon hangs between a new lease and the baton" {
    at(10, cut("server01", "store")),
    at(71, mend("server01", "store")),
    at(74.038, hang_baton "server01"),
    expect.serves("server01", { from = 10, to = 74 }),
    expect.never "two nodes serve",
    expect.active("server02", { by = 110 }),
    ends(130),
}
