-- The application pool refuses to start on server02 (its identity's password has expired): what was
-- started there is stopped again, in the document's order, and server01 goes on.
return scenario "the application pool refuses to start on the standby" {
    set { failback = false },
    at(30, refuse_start("server02", "pool-SmarterMail")),
    at(60, failover { to = "server02", reason = "kernel update" }),
    expect.said {
        "start the NLB node on server02: ok",
        "start MailService on server02: ok",
        "start the application pool SmarterMail on server02: fail",
        "stop the NLB node on server02: ok",
        "stop MailService on server02: ok",
        "start the NLB node on server01: ok",
    },
    expect.active("server01", { by = 240 }),
    expect.serves "server01",
    expect.outage { at_most = 6 },
    ends(300),
}
