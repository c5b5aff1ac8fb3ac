-- The standby cannot start what has failed on the primary. The failed move is undone, and the
-- primary, whose service only needed a start, gets it back.
return scenario "the service refuses to start on the standby" {
    set { restarts = 0, failback = false },
    at(50, refuse_start "server02"),
    at(60, crash_service "server01"),
    expect.serves("server01", { by = 240 }),
    expect.serves "server01",
    ends(300),
}
