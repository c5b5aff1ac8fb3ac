-- The address cannot be added at first: the switch still has it elsewhere. Each failed try is
-- undone before the next, and the third one works.
return scenario "a start fails twice and then works" {
    set { restarts = 0, failback = false },
    at(50, action_fails("address.add", { on = "server02", times = 2 })),
    at(60, crash_service "server01", refuse_start "server01"),
    expect.serves("server02", { by = 120 }),
    expect.serves "server02",
    ends(240),
}
