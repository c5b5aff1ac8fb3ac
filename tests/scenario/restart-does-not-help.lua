-- The restart in place fails too. That is the moment to move, not to try for ever.
return scenario "the restart in place does not help" {
    set { restarts = 1, failback = false },
    at(60, crash_service "server01", refuse_start "server01"),
    expect.serves("server02", { by = 110 }),
    expect.serves "server02",
    expect.outage { at_most = 50 },
    expect.moves { exactly = 1 },
    ends(200),
}
