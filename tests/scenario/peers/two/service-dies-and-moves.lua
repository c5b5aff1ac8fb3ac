-- The service dies and a restart does not help: the holder's own Baton gives it up and passes the
-- baton in one transaction, no lease has to run out for it.
return scenario "the service dies and moves, among peers" {
    set { restarts = 0, failback = false },
    at(60,  crash_service("server01", "postfix"), refuse_start("server01", "postfix")),
    expect.active("server02", { by = 85 }),
    expect.serves("server02", { from = 85, to = 200 }),
    expect.outage { at_most = 15 },
    expect.moves { exactly = 1 },
    expect.never "two nodes serve",
    ends(200),
}
