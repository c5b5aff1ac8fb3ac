-- The start fails on the second server: it is undone there, the baton is given back, and the third
-- one takes it.
return scenario "the start fails on one server" {
    set { failback = false },
    at(50,  action_fails("address.add", { on = "server02" })),
    at(60,  crash "server01"),
    expect.serves("server03", { by = 120 }),
    expect.serves "server03",
    expect.never "two nodes serve",
    ends(180),
}
