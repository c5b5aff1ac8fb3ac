-- The same with no restart in place: the standby serves within the time that three probes take.
return scenario "the service dies and moves" {
    set { restarts = 0, failback = false },
    at(60, crash_service "server01"),
    expect.serves("server02", { from = 80, to = 200 }),
    expect.active("server02", { at = 200 }),
    expect.outage { at_most = 15 },
    expect.moves { exactly = 1 },
    expect.never "a fence",
    expect.never "a hold",
    ends(200),
}
