-- The pause is in the store: a Baton that starts again knows of it.
return scenario "paused, and all Batons restarted" {
    at(60,  pause { at = "server01", reason = "an upgrade of Baton" }),
    at(70,  kill_daemon("server02", { restart = 2 })),
    at(80,  kill_daemon("server01", { restart = 2 })),
    at(120, crash_service("server01", "postfix")),
    at(200, resume { at = "server01" }),
    expect.holder("server01", { from = 20, to = 199 }),
    expect.never "two nodes serve",
    ends(300),
}
