-- The old primary is back and dies again before it was well for long enough. A failback in
-- between would have cost two more moves.
return scenario "the failback waits for quiet" {
    set { unconfirmed = "fence", failback_after = 120 },
    at(60,  crash "server01"),
    at(200, recover "server01"),
    at(260, crash "server01"),
    at(400, recover "server01"),
    expect.serves("server02", { from = 95, to = 515 }),
    expect.active("server01", { by = 600 }),
    expect.moves { exactly = 2 },
    expect.outage { from = 100, to = 600, at_most = 5 },
    ends(660),
}
