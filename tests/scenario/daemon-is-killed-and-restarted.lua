-- kill -9 of the daemon while all is well. The service goes on; the restarted daemon finds its
-- holder by the record and touches nothing.
return scenario "the daemon is killed and restarted" {
    at(60,  kill_daemon { restart = 5 }),
    at(120, kill_daemon { restart = 60, records = "lost" }),
    expect.active("server01", { from = 90, to = 119 }),
    expect.active("server01", { from = 205, to = 300 }),
    expect.serves("server01", { from = 10, to = 300 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    expect.never "a command",
    ends(300),
}
