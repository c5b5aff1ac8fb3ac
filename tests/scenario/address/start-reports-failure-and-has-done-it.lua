-- The command that adds the address ends with an error although it is there. It must not be left
-- there and forgotten: undone, or kept, but by one server only.
return scenario "a start reports failure and has done it" {
    set { restarts = 0, failback = false },
    at(50, action_denies("address.add", { on = "server02", times = 1 })),
    at(60, crash_service "server01", refuse_start "server01"),
    expect.serves("server02", { by = 120 }),
    expect.active("server02", { at = 240 }),
    expect.serves "server02",
    ends(240),
}
