-- The holder's Baton hangs, its services don't. The guardian stops them in time and the other
-- server takes over; the Baton that goes on finds that it has the baton no more.
return scenario "the holder's Baton hangs" {
    set { failback = false },
    at(60,  hang_baton "server01"),
    at(200, recover_baton "server01"),
    expect.serves("server02", { from = 90, to = 260 }),
    expect.standby("server01", { from = 230, to = 260 }),
    expect.outage { at_most = 20 },
    expect.moves { exactly = 1 },
    expect.never "two nodes serve",
    ends(260),
}
