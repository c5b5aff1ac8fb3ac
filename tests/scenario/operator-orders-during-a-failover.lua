-- The operator sees the outage too and orders a failover while one is under way. Two recoveries at
-- once have broken more services than one fault: the order is refused, with the reason.
return scenario "an operator orders a failover during a failover" {
    set { restarts = 0, failback = false },
    at(60, crash_service "server01"),
    at(step("look", { on = "server01" }), failover { to = "server02", reason = "it is down!" }),
    expect.said("is under way", { from = 60, to = 70 }),
    expect.serves("server02", { from = 80, to = 200 }),
    expect.moves { exactly = 1 },
    ends(200),
}
