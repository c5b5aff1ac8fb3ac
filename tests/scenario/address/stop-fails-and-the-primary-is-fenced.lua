-- The service is dead, the address stays on the primary whatever is tried. Fencing is the last
-- means, and it is used.
return scenario "a stop fails and the primary is fenced" {
    set { restarts = 0, unconfirmed = "fence", failback = false },
    at(50, action_fails("address.delete", { on = "server01" })),
    at(60, crash_service "server01", refuse_start "server01"),
    expect.said("hook fence", { from = 60, to = 130 }),
    expect.serves("server02", { by = 130 }),
    expect.serves "server02",
    expect.moves { exactly = 1 },
    ends(240),
}
