-- Somebody stops the web mail's pool: it is started again in place, and nothing moves.
return scenario "the application pool is stopped by hand" {
    set { failback = false },
    at(60, bring_down("server01", "service:pool-SmarterMail")),
    expect.holder("server01", { from = 20 }),
    expect.moves { exactly = 0 },
    expect.active("server01", { by = 120 }),
    ends(180),
}
