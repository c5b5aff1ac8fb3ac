-- The service is being restarted in place when the whole server dies.
return scenario "the primary dies during its restart in place" {
    set { restarts = 1, unconfirmed = "fence", failback = false },
    at(60, crash_service "server01"),
    at(step("restart in place", { on = "server01" }), crash "server01"),
    expect.serves("server02", { by = 130 }),
    expect.serves "server02",
    expect.moves { exactly = 1 },
    ends(200),
}
