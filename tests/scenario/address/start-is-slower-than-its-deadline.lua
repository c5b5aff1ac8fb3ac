-- The order to add the address hangs on the new primary for 20 seconds and takes effect when its
-- deadline is long over. Meanwhile the move was undone: the late effect must not make two serve.
return scenario "a start is slower than its deadline" {
    set { restarts = 0, failback = false },
    at(50, action_slow("address.add", 20, { on = "server02", times = 1 })),
    at(60, crash_service "server01"),
    at(75, recover_service "server01"),
    expect.outage { from = 180, to = 300, at_most = 0 },
    ends(300),
}
