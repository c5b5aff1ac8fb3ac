-- All servers boot at the same time and nobody serves: the preferred one takes the baton.
return scenario "nobody serves at the start, among peers" {
    serving {},
    expect.serves("server01", { from = 40, to = 120 }),
    expect.active("server01", { from = 40, to = 120 }),
    expect.standby("server02", { from = 40, to = 120 }),
    expect.never "two nodes serve",
    ends(120),
}
