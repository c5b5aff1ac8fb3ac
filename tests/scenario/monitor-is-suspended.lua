-- The virtual machine of the monitor is frozen for ten minutes and goes on as if no time had
-- passed. All it knows is old; it looks again before it acts.
return scenario "the monitor is suspended" {
    set { unconfirmed = "fence" },
    at(60,  hang "controller"),
    at(660, recover "controller"),
    expect.serves("server01", { from = 10, to = 800 }),
    expect.outage { at_most = 0 },
    expect.active("server01", { by = 700 }),
    expect.never "a move",
    expect.never "a fence",
    ends(800),
}
