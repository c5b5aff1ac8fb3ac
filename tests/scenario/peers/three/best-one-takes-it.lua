-- Two could take the free baton: the one that is ranked higher does, and the other waits for it.
return scenario "the best server takes a free baton" {
    set { failback = false },
    at(60,  crash "server01"),
    expect.serves("server02", { from = 85, to = 120 }),
    expect.standby("server03", { from = 20, to = 120 }),
    expect.moves { exactly = 1 },
    ends(120),
}
