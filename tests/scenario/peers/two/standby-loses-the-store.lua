-- The standby can't reach the store: it takes nothing, whatever happens. When it can, it does.
return scenario "the standby loses sight of the store" {
    at(60,  cut("server02", "store")),
    at(120, crash "server01"),
    at(200, mend("server02", "store")),
    expect.active("server01", { from = 20, to = 119 }),
    expect.serves("nobody", { from = 121, to = 200 }),
    expect.serves("server02", { from = 230, to = 300 }),
    expect.never "two nodes serve",
    ends(300),
}
