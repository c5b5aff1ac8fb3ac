-- The NAS goes down: no server is a better place, so nothing moves, and nothing is restarted. It comes
-- back, and all is as before.
return scenario "the share of SmarterMail is gone everywhere" {
    set { failback = false },
    at(60,  lose_share "server01", lose_share "server02"),
    at(300, restore_share "server01", restore_share "server02"),
    expect.said "share failed on all nodes: there is no better place",
    expect.holder("server01", { from = 20 }),
    expect.active("server01", { by = 360 }),
    expect.never "a move",
    ends(400),
}
