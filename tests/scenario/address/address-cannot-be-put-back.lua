-- The address is lost and the primary can't take it again. Putting it back in place is tried; as
-- it does not help, the standby gets it.
return scenario "the address is lost and cannot be put back" {
    set { failback = false },
    at(50, action_fails("address.add", { on = "server01" })),
    at(60, bring_down("server01", "address")),
    expect.serves("server02", { by = 180 }),
    expect.serves "server02",
    expect.moves { exactly = 1 },
    ends(240),
}
