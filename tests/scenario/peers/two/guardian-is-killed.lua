-- The guardian dies, also while its Baton hangs for a moment: it is there again when it is armed
-- next.
return scenario "the holder's guardian is killed" {
    at(60,  kill_guardian "server01"),
    at(120, kill_guardian "server01", kill_guardian "server02"),
    expect.active("server01", { from = 20, to = 180 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    ends(180),
}
