-- Two of three die at once; the last one sees the store and serves.
return scenario "all but one die, among peers" {
    set { failback = false },
    at(60,  crash "server01", crash "server02"),
    at(300, recover "server01", recover "server02"),
    expect.serves("server03", { from = 100, to = 360 }),
    expect.standby("server01", { by = 350 }),
    expect.never "two nodes serve",
    ends(360),
}
