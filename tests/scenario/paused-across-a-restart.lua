-- The daemon is restarted during maintenance. A pause is the operator's word: it must not be
-- forgotten with the process.
return scenario "a pause survives a restart of the daemon" {
    set { unconfirmed = "fence", failback = false },
    at(50,  pause { reason = "patch day" }),
    at(60,  kill_daemon { restart = 5 }),
    at(90,  crash "server01"),
    at(300, resume()),
    expect.serves("nobody", { from = 91, to = 299 }),
    expect.serves("server02", { by = 380 }),
    expect.serves "server02",
    ends(420),
}
