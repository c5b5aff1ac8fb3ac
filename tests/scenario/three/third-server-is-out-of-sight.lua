-- The third server was seen stopped and is then out of sight. It cannot have started by itself, so
-- it does not stand in the way of a failover.
return scenario "the third server is out of sight" {
    set { restarts = 0, unconfirmed = "hold", failback = false },
    at(60,  cut("controller", "server03")),
    at(120, crash_service "server01"),
    expect.serves("server02", { from = 145, to = 240 }),
    expect.moves { exactly = 1 },
    expect.never "a fence",
    ends(240),
}
