-- The power comes back for all of them at once: both servers and the monitor boot together, and
-- each could think that it was the primary. One serves, the one that the record leads to.
return scenario "everything restarts at once" {
    set { unconfirmed = "fence" },
    at(60,  kill_daemon {}, crash "server01", crash "server02"),
    at(300, start_daemon(), recover "server01", recover "server02"),
    expect.serves("server01", { by = 360 }),
    expect.serves("server01", { from = 360, to = 420 }),
    expect.active("server01", { at = 420 }),
    expect.standby("server02", { at = 420 }),
    expect.never "a fence",
    ends(420),
}
