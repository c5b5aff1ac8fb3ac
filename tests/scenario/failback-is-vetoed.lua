-- The hook vetoes the failback all night. The service stays where it is, Baton asks again now and
-- then, and in the morning it moves.
return scenario "a failback is vetoed" {
    set { restarts = 0, failback_after = 60 },
    at(50,  veto()),
    at(60,  crash_service "server01"),
    at(900, no_veto()),
    expect.serves("server02", { from = 80, to = 899 }),
    expect.outage { from = 80, to = 899, at_most = 0 },
    expect.active("server01", { by = 1000 }),
    expect.moves { exactly = 2 },
    ends(1020),
}
