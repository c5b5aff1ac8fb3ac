-- Cluster node, pool and service stop on one server, and start on the other; there and back.
return scenario "a planned move of the cluster" {
    set { failback = false },
    at(60, failover { to = "server02", reason = "kernel update" }),
    expect.active("server02", { by = 90 }),
    at(120, failback()),
    expect.active("server01", { by = 150 }),
    expect.moves { exactly = 2 },
    expect.never "a fence",
    ends(180),
}
