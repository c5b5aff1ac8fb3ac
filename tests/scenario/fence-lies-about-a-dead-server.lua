-- The fence reports success and does nothing. Over a server that is dead that does no harm, and
-- when it boots again it finds that the baton is elsewhere.
return scenario "the fence lies about a dead server" {
    set { unconfirmed = "fence", failback = false },
    at(50,  fence_lies()),
    at(60,  crash "server01"),
    at(300, recover "server01"),
    expect.serves("server02", { from = 95, to = 400 }),
    expect.standby("server01", { by = 340 }),
    expect.moves { exactly = 1 },
    ends(400),
}
