-- The holder is cut off from the store and from the others, who see each other and the store: it
-- stops, they go on.
return scenario "the holder is alone" {
    set { failback = false },
    at(60,  cut("server01", "store"), cut("server01", "server02"), cut("server01", "server03")),
    at(200, mend("server01", "store"), mend("server01", "server02"), mend("server01", "server03")),
    expect.serves("server02", { from = 90, to = 260 }),
    expect.standby("server01", { by = 250 }),
    expect.outage { at_most = 20 },
    expect.moves { exactly = 1 },
    expect.never "two nodes serve",
    ends(260),
}
