-- The standby is across town: a tenth of a second each way. Slow is not dead, and a move over
-- such a line only takes a little longer.
return scenario "a slow line" {
    set { restarts = 0, failback = false },
    at(10,  slow("controller", "server02", 0.1)),
    at(300, crash_service "server01"),
    expect.standby("server02", { from = 40, to = 299 }),
    expect.outage { from = 0, to = 299, at_most = 0 },
    expect.serves("server02", { from = 320, to = 400 }),
    expect.outage { at_most = 20 },
    expect.moves { exactly = 1 },
    ends(400),
}
