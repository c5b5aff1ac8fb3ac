-- The holder's Baton dies and nobody restarts it. Its guardian stops the service before the lease
-- is over, then the other server takes it. When it runs again, it is a standby.
return scenario "the holder's Baton is killed for good" {
    set { failback = false },
    at(60,  kill_daemon "server01"),
    at(200, start_daemon "server01"),
    expect.serves("server02", { from = 90, to = 260 }),
    expect.active("server02", { from = 90, to = 260 }),
    expect.standby("server01", { from = 230, to = 260 }),
    expect.outage { at_most = 20 },
    expect.moves { exactly = 1 },
    expect.never "two nodes serve",
    ends(260),
}
