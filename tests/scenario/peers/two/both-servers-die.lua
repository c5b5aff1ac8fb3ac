-- Both lose power; they boot at different times. Whoever is first takes the baton when the lease of
-- the last holder is over.
return scenario "both servers die, among peers" {
    set { failback = false },
    at(60,  crash "server01", crash "server02"),
    at(120, recover "server02"),
    at(300, recover "server01"),
    expect.serves("server02", { from = 170, to = 360 }),
    expect.standby("server01", { from = 340, to = 360 }),
    expect.never "two nodes serve",
    ends(360),
}
