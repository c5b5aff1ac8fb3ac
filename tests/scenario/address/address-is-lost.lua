-- Another program takes the floating address off the primary: a network restart does that. It is
-- put back where it was; no server is at fault.
return scenario "the address is lost" {
    at(60, bring_down("server01", "address")),
    expect.serves("server01", { from = 80, to = 200 }),
    expect.active("server01", { at = 200 }),
    expect.outage { at_most = 15 },
    expect.never "a move",
    ends(200),
}
