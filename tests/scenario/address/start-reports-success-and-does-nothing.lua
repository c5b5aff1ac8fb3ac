-- The command that adds the address says "done" and nothing is there. A look finds out.
return scenario "a start reports success and does nothing" {
    set { restarts = 0, failback = false },
    at(50, action_lies("address.add", { on = "server02", times = 1 })),
    at(60, crash_service "server01", refuse_start "server01"),
    expect.serves("server02", { by = 140 }),
    expect.serves "server02",
    expect.active "server02",
    ends(240),
}
