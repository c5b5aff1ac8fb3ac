-- Two servers serve as Baton comes, and nothing says which may. Stopping either could be the
-- wrong one, so it holds and asks. Once one of them is rebooted, the other is adopted.
return scenario "two serve at the start, without a record" {
    serving { "server01", "server02" },
    at(120, crash "server02"),
    at(180, recover "server02"),
    expect.hold("two-serve", { from = 30, to = 119 }),
    expect.holder("nobody", { from = 0, to = 119 }),
    expect.active("server01", { by = 240 }),
    expect.standby("server02", { by = 240 }),
    expect.hold("none", { from = 240, to = 300 }),
    expect.serves("server01", { from = 122, to = 300 }),
    expect.never "a move",
    ends(300),
}
