-- The two clocks run apart as far as the margin of a lease allows, and the holder loses the store:
-- it has stopped before the other one starts.
return scenario "clocks drift, and the holder loses the store" {
    set { failback = false },
    at(10,  drift_clock("server01", -500), drift_clock("server02", 500)),
    at(3600, cut("server01", "store")),
    at(3700, mend("server01", "store")),
    at(3800, drift_clock("server01", 500), drift_clock("server02", -500)),
    at(7200, cut("server02", "store")),
    expect.active("server01", { from = 20, to = 3599 }),
    expect.serves("server02", { from = 3630, to = 7199 }),
    expect.serves("server01", { from = 7230, to = 7260 }),
    expect.never "two nodes serve",
    expect.moves { exactly = 2 },
    ends(7260),
}
