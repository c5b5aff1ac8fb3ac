-- Maintenance: the group is paused, and the service goes down by hand or by mistake. Baton says
-- what it sees and keeps its hands off; resumed, it looks afresh and brings the service back.
return scenario "the group is paused while the service dies" {
    set { restarts = 0, failback = false },
    at(50,  pause { reason = "patch day" }),
    at(60,  crash_service "server01"),
    at(300, resume()),
    expect.holder("server01", { from = 20, to = 299 }),
    expect.serves("nobody", { from = 61, to = 299 }),
    expect.outage { from = 345, to = 420, at_most = 0 },
    expect.moves { at_most = 1 },
    ends(420),
}
