-- The whole machine of the holder hangs: its guardian too. Its lease runs out and the other one takes
-- over. When it wakes up its guardian, which is due at once, stops it.
return scenario "the primary hangs and wakes up, among peers" {
    set { failback = false },
    at(60,  hang "server01"),
    at(200, recover "server01"),
    expect.serves("server02", { from = 85, to = 199 }),
    expect.serves("server02", { from = 205, to = 260 }),
    expect.standby("server01", { by = 240 }),
    expect.moves { exactly = 1 },
    ends(260),
}
