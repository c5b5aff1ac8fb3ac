-- The link is broken in one direction only: orders reach the primary, its answers are lost. What
-- cannot be confirmed has not happened, and nobody else is started.
return scenario "orders arrive but answers do not" {
    set { unconfirmed = "hold" },
    at(60,  cut("server01", "controller", { one_way = true })),
    at(360, mend("server01", "controller")),
    expect.hold("unconfirmed", { from = 120, to = 359 }),
    expect.holder("server01", { from = 20, to = 359 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    expect.hold("none", { from = 400, to = 500 }),
    ends(500),
}
