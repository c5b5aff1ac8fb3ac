-- An ordinary crystal, an hour without time service: 50 millionths, not a fifth of a second.
return scenario "clocks drift a little" {
    at(10, drift_clock("server01", 50)),
    at(10, drift_clock("controller", -20)),
    expect.active("server01", { from = 20, to = 3600 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    ends(3600),
}
