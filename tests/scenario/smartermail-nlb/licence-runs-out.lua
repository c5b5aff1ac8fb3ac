-- The licence is about to run out: an alert, and once only. The other server has the same licence, so
-- nothing moves.
return scenario "the licence runs out" {
    set { failback = false, licence_every = 60 },
    at(120, bring_down("server01", "licence")),
    expect.said("the licence runs out on server01", { from = 120, to = 260 }),
    expect.not_said("the licence runs out", { from = 260, to = 600 }),
    expect.active("server01", { from = 30, to = 600 }),
    expect.never "a move",
    expect.never "a command",
    ends(600),
}
