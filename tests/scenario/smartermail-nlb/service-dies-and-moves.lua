-- The mail service dies and does not start again: restarted once, then everything goes to server02, in
-- the order of the document's scripts.
return scenario "the service dies, and moves in the document's order" {
    set { failback = false, restarts = 1 },
    at(60, refuse_start("server01", "MailService"), crash_service("server01", "MailService")),
    expect.said {
        "restart in place on server01 begins",
        "server01: powershell.exe { Start-Service -Name 'MailService'",
        "server02 Standby → FailingOver",
        "stop the NLB node on server01: ok",
        "stop the application pool SmarterMail on server01: ok",
        "stop MailService on server01: ok",
    },
    expect.said {
        "stop MailService on server01: ok",
        "Start-NlbClusterNode -HostName 'server02' -InterfaceName 'WAN'",
        "server02: powershell.exe { Start-Service -Name 'MailService'",
        "server02: powershell.exe { Import-Module WebAdministration; $name = 'SmarterMail'; if",
    },
    expect.active("server02", { by = 120 }),
    expect.serves "server02",
    expect.moves { exactly = 1 },
    ends(240),
}
