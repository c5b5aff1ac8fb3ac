-- The operator knows better: the standby is called unfit, but its share is not needed tonight.
-- Without force the move is refused; with it, and a reason, it is made.
return scenario "a forced failover" {
    set { failback = false, share_every = 5 },
    at(50,  lose_share "server02"),
    at(120, failover { to = "server02", reason = "the primary's fan is dying" }),
    at(180, failover { to = "server02", force = true, reason = "the share check is wrong" }),
    expect.holder("server01", { from = 20, to = 179 }),
    expect.outage { at_most = 5 },
    expect.serves("server02", { by = 190 }),
    ends(190),
}
