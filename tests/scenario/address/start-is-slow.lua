-- The address takes five seconds to come up: within the deadline, so it is waited for.
return scenario "a start is slow" {
    set { restarts = 0, failback = false },
    at(50, action_slow("address.add", 5, { on = "server02" })),
    at(60, crash_service "server01"),
    expect.serves("server02", { from = 90, to = 240 }),
    expect.moves { exactly = 1 },
    expect.never "a hold",
    ends(240),
}
