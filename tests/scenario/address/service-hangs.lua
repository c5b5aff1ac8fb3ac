-- The service takes connections and says nothing. Running is not serving: a client's greeting is
-- asked for, and where none comes, the service moves.
return scenario "the service hangs" {
    set { restarts = 0, failback = false },
    at(60, hang_service "server01"),
    expect.serves("server02", { from = 85, to = 200 }),
    expect.outage { at_most = 20 },
    expect.moves { exactly = 1 },
    ends(200),
}
