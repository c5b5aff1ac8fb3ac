-- One packet in twenty is lost between monitor and primary for an hour. Patient probes see the
-- delay of a packet that comes again, not a dead server.
return scenario "a lossy line" {
    set { every = 5, timeout = 4, unconfirmed = "fence" },
    at(60, lossy("controller", "server01", 0.05)),
    at(3660, mend("controller", "server01")),
    expect.active("server01", { from = 30, to = 3700 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    expect.never "a fence",
    ends(3700),
}
