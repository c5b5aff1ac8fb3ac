-- Somebody stops the cluster's node on the holder: nobody reaches the mail there any more, and it is
-- started again in place.
return scenario "the cluster's node is stopped by hand" {
    set { failback = false },
    at(60, bring_down("server01", "address")),
    expect.outage { at_most = 15 },
    expect.holder("server01", { from = 20 }),
    expect.serves "server01",
    expect.moves { exactly = 0 },
    ends(240),
}
