-- Only the holder's way to the store is gone. It stops by itself before its lease is over, and the
-- other one, which sees the store, takes over; never both.
return scenario "the holder loses sight of the store" {
    set { failback_after = 60 },
    at(60,  cut("server01", "store")),
    at(200, mend("server01", "store")),
    expect.serves("server02", { from = 85, to = 240 }),
    expect.active("server01", { by = 330 }),
    expect.outage { at_most = 20 },
    expect.moves { exactly = 2 },
    expect.never "two nodes serve",
    ends(360),
}
