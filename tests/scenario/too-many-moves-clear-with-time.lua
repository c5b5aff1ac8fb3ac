-- Nobody resumes the hold: when the window has room again, Baton goes on by itself.
return scenario "too many moves clear with time" {
    set { restarts = 0, failback_after = 60, max_moves = 1, window = 1200 },
    at(60,  crash_service "server01"),
    at(300, crash_service "server01"),
    expect.hold("moves", { from = 320, to = 1250 }),
    expect.serves("server02", { from = 1290, to = 1310 }),
    expect.never "a fence",
    ends(1310),
}
