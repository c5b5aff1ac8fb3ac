-- The standby's service does not start any more, and the primary's dies too. There is no good
-- place; when the standby's service is repaired, it takes over.
return scenario "the service of the hot standby is dead for good" {
    set { restarts = 0, failback = false },
    at(60,  crash_service "server02", refuse_start "server02"),
    at(120, crash_service "server01", refuse_start "server01"),
    at(300, obey "server02", recover_service "server02"),
    expect.degraded("server02", { by = 90 }),
    expect.serves("server02", { by = 340 }),
    expect.serves "server02",
    expect.moves { exactly = 1 },
    ends(400),
}
