-- A virtual machine whose clock runs a thousandth fast and has no time service: after half an hour
-- it is two seconds off, and that is when it counts.
return scenario "the primary's clock drifts" {
    set { failback = false },
    at(10, drift_clock("server01", 1000)),
    expect.holder("server01", { from = 20, to = 1900 }),
    expect.serves("server02", { from = 2300, to = 2400 }),
    expect.outage { at_most = 5 },
    expect.moves { exactly = 1 },
    ends(2400),
}
