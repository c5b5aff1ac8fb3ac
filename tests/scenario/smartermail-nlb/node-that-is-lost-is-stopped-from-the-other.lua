-- The monitor can't reach the primary any more, but the other server can: it tells the cluster to
-- stop that node, sees it stopped, and takes over. Nobody switches anything off.
return scenario "a server that is lost is stopped from the other one" {
    set { failback = false, unconfirmed = "fence", restarts = 0 },
    at(60,  cut("controller", "server01")),
    at(300, mend("controller", "server01")),
    expect.active("server02", { by = 290 }),
    expect.serves "server02",
    ends(400),
}
