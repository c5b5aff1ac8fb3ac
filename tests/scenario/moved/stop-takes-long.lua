-- A database that writes its cache out before it stops: eight seconds, and it is given them.
return scenario "a stop takes long" {
    set { failback = false },
    at(50, action_slow("service.stop", 8, { on = "server01" })),
    at(60, failover { to = "server02", reason = "kernel update" }),
    expect.active("server02", { by = 110 }),
    expect.serves("server02", { from = 110, to = 200 }),
    expect.moves { exactly = 1 },
    expect.never "a fence",
    ends(200),
}
