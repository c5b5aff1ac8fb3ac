-- The operator does not want to wait for the quiet time.
return scenario "a failback by command" {
    set { restarts = 0, failback = false },
    at(60,  crash_service "server01"),
    at(240, failback()),
    expect.serves("server02", { from = 80, to = 239 }),
    expect.active("server01", { by = 260 }),
    expect.serves "server01",
    expect.outage { from = 200, to = 300, at_most = 5 },
    expect.moves { exactly = 2 },
    ends(300),
}
