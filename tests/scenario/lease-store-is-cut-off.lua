-- The lease store cannot be reached. The record is in the journal of the one controller: a store
-- that is down is no reason to move.
return scenario "the lease store is cut off" {
    at(60,  cut("controller", "store")),
    at(300, mend("controller", "store")),
    expect.active("server01", { from = 20, to = 360 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    expect.never "a hold",
    ends(360),
}
