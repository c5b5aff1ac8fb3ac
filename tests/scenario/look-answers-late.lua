-- The look that is to confirm the old primary out answers seconds late. Nobody is started before.
return scenario "a look answers late" {
    set { restarts = 0, failback = false },
    at(60, crash_service "server01"),
    at(step("look", { on = "server01" }), postpone(3)),
    expect.serves("server02", { from = 90, to = 200 }),
    expect.outage { at_most = 20 },
    expect.moves { exactly = 1 },
    ends(200),
}
