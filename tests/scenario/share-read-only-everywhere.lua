-- The share's own server is full and gives it out read-only to all.
return scenario "the share is read-only everywhere" {
    set { share_every = 5 },
    at(60,  read_only_share()),
    at(400, restore_share()),
    expect.holder("server01", { from = 20, to = 500 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    expect.active("server01", { by = 440 }),
    ends(500),
}
