-- The service does not stop when it is told to. A planned move is called off and the primary
-- serves on, also when its address was taken off meanwhile.
return scenario "the service refuses to stop" {
    set { failback = false },
    at(50,  refuse_stop "server01"),
    at(60,  failover { to = "server02", reason = "kernel update" }),
    at(300, obey "server01"),
    at(360, failover { to = "server02", reason = "kernel update" }),
    expect.holder("server01", { from = 20, to = 359 }),
    expect.serves("server01", { from = 200, to = 359 }),
    expect.active("server02", { by = 400 }),
    expect.serves "server02",
    expect.moves { exactly = 1 },
    ends(440),
}
