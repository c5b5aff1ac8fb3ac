-- The monitor reboots, and the primary dies meanwhile. With the daemon down nothing can move; as
-- soon as it is back it sees what happened, without a person.
return scenario "the daemon is down while the primary dies" {
    set { unconfirmed = "fence", failback = false },
    at(60,  kill_daemon {}),
    at(90,  crash "server01"),
    at(200, start_daemon()),
    expect.serves("nobody", { from = 91, to = 199 }),
    expect.serves("server02", { by = 270 }),
    expect.serves "server02",
    expect.moves { exactly = 1 },
    ends(320),
}
