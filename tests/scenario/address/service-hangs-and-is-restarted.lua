-- The same, where one restart in place is allowed: it cures a hung service too.
return scenario "the service hangs and is restarted in place" {
    set { restarts = 1 },
    at(60, hang_service "server01"),
    expect.serves("server01", { from = 95, to = 200 }),
    expect.active("server01", { at = 200 }),
    expect.outage { at_most = 30 },
    expect.never "a move",
    ends(200),
}
