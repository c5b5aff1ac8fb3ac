-- Somebody starts the unit on the standby by hand. Without a floating address that is all it
-- takes to serve twice; Baton stops it within seconds.
return scenario "started by hand on the standby" {
    at(60, bring_up("server02", "service")),
    expect.serves("server01", { from = 75, to = 200 }),
    expect.active("server01", { from = 20, to = 200 }),
    expect.said("serves without the baton", { from = 60, to = 70 }),
    expect.never "a move",
    ends(200),
}
