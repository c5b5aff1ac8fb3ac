-- The same without a fence: the address is still on the primary, so nobody else gets it.
return scenario "a stop fails and nobody can fence" {
    set { restarts = 0, unconfirmed = "hold", failback = false },
    at(50, action_fails("address.delete", { on = "server01" })),
    at(60, crash_service "server01", refuse_start "server01"),
    expect.hold("unconfirmed", { by = 130 }),
    expect.holder("server01", { from = 20, to = 240 }),
    expect.serves("nobody", { from = 61, to = 240 }),
    ends(240),
}
