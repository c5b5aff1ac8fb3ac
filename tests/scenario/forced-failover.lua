-- The operator knows better: the standby is called unfit, but its share is not needed tonight.
-- Without force the move is refused; with it, and a reason, it is made, and the policy does not
-- undo it in the next moment. But what fails there later is a reason to move.
return scenario "a forced failover" {
    set { restarts = 0, failback = false, share_every = 5 },
    at(50,  lose_share "server02"),
    at(120, failover { to = "server02", reason = "the primary's fan is dying" }),
    at(180, failover { to = "server02", force = true, reason = "the share check is wrong" }),
    at(600, crash_service "server02"),
    expect.holder("server01", { from = 20, to = 179 }),
    expect.serves("server02", { from = 182, to = 599 }),
    expect.degraded("server02", { from = 190, to = 599 }),
    expect.serves("server01", { from = 620, to = 700 }),
    expect.outage { at_most = 15 },
    expect.moves { exactly = 2 },
    ends(700),
}
