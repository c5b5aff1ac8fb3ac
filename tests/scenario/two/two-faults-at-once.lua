-- The share breaks on the standby, and a minute later the primary's service dies for good.
-- There is no good place left; when one comes, it is taken without a person.
return scenario "two faults at once" {
    set { restarts = 0, failback = false },
    at(60,  lose_share "server02"),
    at(120, crash_service "server01", refuse_start "server01"),
    at(300, restore_share "server02"),
    expect.degraded("server02", { by = 110 }),
    expect.holder("server01", { from = 20, to = 299 }),
    expect.serves("server02", { by = 360 }),
    expect.serves "server02",
    expect.moves { exactly = 1 },
    ends(420),
}
