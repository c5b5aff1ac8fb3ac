-- The disk fills between the stop on one server and the start on the other. The move waits where
-- it is, with nobody serving, and ends when there is room.
return scenario "the disk of the journal fills during a move" {
    set { restarts = 0, failback = false },
    at(60,  crash_service "server01"),
    at(step("grant", { on = "server02" }), fill_disk()),
    at(150, free_disk()),
    expect.outage { from = 200, to = 300, at_most = 0 },
    expect.hold("none", { from = 200, to = 300 }),
    expect.moves { at_most = 1 },
    ends(300),
}
