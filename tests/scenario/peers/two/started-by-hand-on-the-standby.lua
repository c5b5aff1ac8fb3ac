-- Somebody brings the address up on the standby: its Baton takes it down again.
return scenario "started by hand on the standby, among peers" {
    at(60,  bring_up("server02", "address")),
    expect.serves("server01", { from = 75, to = 120 }),
    expect.active("server01", { from = 20, to = 120 }),
    expect.said("serves without the baton", { from = 60, to = 75 }),
    expect.never "a move",
    ends(120),
}
