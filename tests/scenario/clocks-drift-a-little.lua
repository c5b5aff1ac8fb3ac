-- An ordinary crystal, two hours without time service: 50 millionths, not half a second.
return scenario "clocks drift a little" {
    at(10, drift_clock("server01", 50)),
    at(10, drift_clock("controller", -20)),
    expect.active("server01", { from = 20, to = 7200 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    ends(7200),
}
