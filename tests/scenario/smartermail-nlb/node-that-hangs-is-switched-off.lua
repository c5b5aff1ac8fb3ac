-- The primary hangs: no other server can stop its part of the cluster, so the next level of the
-- fence has to do it.
return scenario "a server that hangs is switched off" {
    set { failback = false, unconfirmed = "fence", restarts = 0 },
    at(60, hang "server01"),
    expect.active("server02", { by = 290 }),
    expect.serves "server02",
    ends(400),
}
