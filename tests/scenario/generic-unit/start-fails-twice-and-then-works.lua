-- The unit fails to start twice on the standby: a lock of the dead one is still there.
return scenario "a start fails twice and then works" {
    set { restarts = 0, failback = false },
    at(50, action_fails("service.start", { on = "server02", times = 2 })),
    at(60, crash_service "server01", refuse_start "server01"),
    expect.serves("server02", { by = 160 }),
    expect.serves "server02",
    ends(240),
}
