-- Nobody serves, and the preferred server has lost its share. Waiting for it would be waiting for
-- ever: the next one is started, and the first takes over when it is well for long enough.
return scenario "the preferred server is unfit at the start" {
    set { share_every = 2, failback_after = 60 },
    serving {},
    at(0,   lose_share "server01"),
    at(200, restore_share "server01"),
    expect.serves("server02", { from = 60, to = 240 }),
    expect.degraded("server01", { by = 40 }),
    expect.active("server01", { by = 320 }),
    expect.never "a hold",
    ends(360),
}
