-- A technician has pulled the plug and says so. That word is what Baton waits for: the standby
-- serves at once, and the old primary, back from the workshop, joins as a standby.
return scenario "an operator vouches for a dead primary" {
    set { unconfirmed = "hold", failback = false },
    at(60,  crash "server01"),
    at(180, confirm_out("server01", { reason = "the plug is pulled" })),
    at(600, recover "server01"),
    expect.hold("unconfirmed", { from = 100, to = 179 }),
    expect.active("server02", { from = 200, to = 700 }),
    expect.serves("server02", { from = 200, to = 700 }),
    expect.standby("server01", { by = 640 }),
    expect.moves { exactly = 1 },
    ends(700),
}
