-- The spool grows: messages come in and none goes out. It lies on the share and is as long on the other
-- server; a person has to look. An alert, and nothing moves.
return scenario "the spool grows" {
    set { failback = false },
    at(120, bring_down("server01", "spool")),
    expect.said("the spool grows on server01", { from = 120, to = 200 }),
    expect.active("server01", { from = 30, to = 600 }),
    expect.never "a move",
    expect.never "a command",
    ends(600),
}
