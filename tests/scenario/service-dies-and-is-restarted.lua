-- The service dies once. A restart in place is quicker than a move and needs no other server.
return scenario "the service dies and is restarted in place" {
    set { restarts = 1 },
    at(60, crash_service "server01"),
    expect.active("server01", { at = 120 }),
    expect.serves("server01", { from = 90, to = 200 }),
    expect.outage { at_most = 20 },
    expect.never "a move",
    expect.never "a hold",
    ends(200),
}
