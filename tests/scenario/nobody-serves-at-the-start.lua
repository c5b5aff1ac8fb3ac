-- The whole room had no power. Baton starts, sees that nobody serves, and starts the preferred
-- server: once, there, and not before it has looked at all of them.
return scenario "nobody serves at the start" {
    serving {},
    expect.active("server01", { by = 45 }),
    expect.standby("server02", { by = 45 }),
    expect.serves("server01", { from = 45, to = 200 }),
    expect.never "a hold",
    expect.moves { exactly = 0 },
    ends(200),
}
