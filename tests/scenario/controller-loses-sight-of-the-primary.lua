-- Only the link between monitor and primary is broken; clients still reach it. With nobody to
-- fence, the primary serves on, and nothing has to be done when the link is repaired.
return scenario "the controller loses sight of the primary" {
    set { unconfirmed = "hold" },
    at(60,  cut("controller", "server01")),
    at(360, mend("controller", "server01")),
    expect.serves("server01", { from = 10, to = 500 }),
    expect.outage { at_most = 0 },
    expect.hold("unconfirmed", { from = 120, to = 359 }),
    expect.active("server01", { by = 400 }),
    expect.hold("none", { from = 400, to = 500 }),
    expect.never "a move",
    ends(500),
}
