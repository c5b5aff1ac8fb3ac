-- The service is away for less time than three probes: it comes back by its own means. Nobody
-- should act on that.
return scenario "the service blinks" {
    set { every = 2, timeout = 1, fall = 3 },
    at(60,  crash_service "server01"),
    at(63,  recover_service "server01"),
    at(200, crash_service "server01"),
    at(203, recover_service "server01"),
    expect.active("server01", { from = 20, to = 300 }),
    expect.outage { at_most = 4 },
    expect.never "a move",
    expect.never "a command",
    ends(300),
}
