-- The old primary is up again, but without its share. Neither the policy nor an operator moves
-- the service to where it could not work; with the share it goes back.
return scenario "the failback waits until the server is fit" {
    set { unconfirmed = "fence", failback_after = 60, share_every = 5 },
    at(60,  crash "server01"),
    at(200, lose_share "server01", recover "server01"),
    at(300, failback()),
    at(400, restore_share "server01"),
    expect.serves("server02", { from = 95, to = 440 }),
    expect.degraded("server01", { from = 230, to = 400 }),
    expect.active("server01", { by = 520 }),
    expect.moves { exactly = 2 },
    ends(560),
}
