-- Only the holder's way to the store is gone. The others vouch for it, and promise to leave the
-- baton alone although its lease is over: the service stays where it is.
return scenario "the holder loses sight of the store, and all vouch for it" {
    at(60,  cut("server01", "store")),
    at(200, mend("server01", "store")),
    expect.serves("server01", { from = 20, to = 260 }),
    expect.holder("server01", { from = 230, to = 260 }),
    expect.outage { at_most = 0 },
    expect.never "two nodes serve",
    ends(260),
}
