-- The disk of the journal is full when the service dies. What cannot be written down is not done;
-- when there is room, the move is made by itself.
return scenario "the disk of the journal is full" {
    set { restarts = 0, failback = false },
    at(50,  fill_disk()),
    at(60,  crash_service "server01"),
    at(300, free_disk()),
    expect.hold("journal", { from = 80, to = 299 }),
    expect.holder("server01", { from = 20, to = 299 }),
    expect.serves("server02", { by = 340 }),
    expect.serves "server02",
    expect.hold("none", { from = 340, to = 400 }),
    expect.moves { exactly = 1 },
    ends(400),
}
