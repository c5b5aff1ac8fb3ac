-- The other direction: nothing reaches the primary, which goes on serving its clients.
return scenario "answers would arrive but orders do not" {
    set { unconfirmed = "hold" },
    at(60,  cut("controller", "server01", { one_way = true })),
    at(360, mend("controller", "server01")),
    expect.serves("server01", { from = 10, to = 359 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    expect.hold("unconfirmed", { from = 120, to = 359 }),
    expect.hold("none", { from = 400, to = 500 }),
    ends(500),
}
