-- The hook that vetoes planned moves is still in place when the primary dies. It has no say in
-- that: a failover is no wish.
return scenario "a veto does not stop a failover" {
    set { unconfirmed = "fence", failback = false },
    at(50, veto()),
    at(60, crash "server01"),
    expect.serves("server02", { from = 95, to = 200 }),
    expect.moves { exactly = 1 },
    ends(200),
}
