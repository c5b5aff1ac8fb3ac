-- A renewal is lost, or late. Two fit into a lease before its holder has to stop: nobody notices.
return scenario "one renewal is lost" {
    at(59.5, cut("server01", "store")),
    at(60.5, mend("server01", "store")),
    at(90,  slow("server01", "store", 0.5)),
    at(120, mend("server01", "store")),
    expect.active("server01", { from = 20, to = 180 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    expect.never "a command",
    ends(180),
}
