-- kill -9 of the holder's Baton; a new one is there within the lease. It takes up the lease that
-- the baton is bound to, and the service does not notice.
return scenario "the holder's Baton is killed and restarted" {
    at(60,  kill_daemon("server01", { restart = 2 })),
    at(120, kill_daemon("server01", { restart = 2, records = "lost" })),
    at(150, kill_daemon("server02", { restart = 20 })),
    expect.active("server01", { from = 75, to = 119 }),
    expect.active("server01", { from = 135, to = 220 }),
    expect.holder("server01", { from = 20, to = 220 }),
    expect.serves("server01", { from = 20, to = 220 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    ends(220),
}
