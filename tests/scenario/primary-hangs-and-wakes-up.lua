-- The primary hangs for five minutes with nobody to fence it, then goes on where it was, its
-- service and its address still up. Had the standby been started, two would serve now.
return scenario "the primary hangs and wakes up" {
    set { unconfirmed = "hold" },
    at(60,  hang "server01"),
    at(360, recover "server01"),
    expect.hold("unconfirmed", { from = 110, to = 359 }),
    expect.holder("server01"),
    expect.serves("server01", { from = 361, to = 450 }),
    expect.active("server01", { by = 380 }),
    expect.hold("none", { from = 380, to = 450 }),
    expect.never "a move",
    expect.never "a fence",
    ends(450),
}
