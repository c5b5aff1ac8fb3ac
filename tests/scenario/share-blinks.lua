-- The share is away for one probe on the primary: a slow disk, not a fault.
return scenario "the share blinks" {
    set { share_every = 5 },
    at(60, lose_share "server01"),
    at(68, restore_share "server01"),
    expect.active("server01", { from = 20, to = 200 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    ends(200),
}
