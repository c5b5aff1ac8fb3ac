-- The order to take the address off ends with an error although it is gone. What counts is the
-- look after it: the move goes on.
return scenario "a stop reports failure and has done it" {
    set { restarts = 0, failback = false },
    at(50, action_denies("address.delete", { on = "server01" })),
    at(60, crash_service "server01"),
    expect.serves("server02", { from = 90, to = 200 }),
    expect.moves { exactly = 1 },
    expect.never "a fence",
    ends(200),
}
