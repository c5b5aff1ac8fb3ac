-- The order to take the address off says "done" and it is still there. A planned move must not
-- believe it: it is called off, and the primary serves on.
return scenario "a stop reports success and does nothing" {
    set { failback = false },
    at(50,  action_lies("address.delete", { on = "server01" })),
    at(60,  failover { to = "server02", reason = "kernel update" }),
    at(200, action_works "address.delete"),
    at(300, failover { to = "server02", reason = "kernel update" }),
    expect.holder("server01", { from = 20, to = 299 }),
    expect.serves("server01", { from = 130, to = 299 }),
    expect.active("server02", { by = 320 }),
    expect.moves { exactly = 1 },
    ends(360),
}
