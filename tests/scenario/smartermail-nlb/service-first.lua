-- For those who want the address last: nobody reaches a server on which nothing answers yet.
return scenario "the service first, then the address" {
    set { failback = false, order = "service-first" },
    at(60, failover { to = "server02", reason = "try it" }),
    expect.said {
        "stop the NLB node on server01: ok",
        "stop the application pool SmarterMail on server01: ok",
        "stop MailService on server01: ok",
        "start MailService on server02: ok",
        "start the application pool SmarterMail on server02: ok",
        "start the NLB node on server02: ok",
    },
    expect.active("server02", { by = 90 }),
    expect.moves { exactly = 1 },
    ends(120),
}
