-- The stop of the NLB node hangs on server01, whose service is dead: server02 tells the cluster to
-- stop it, and takes over when the cluster says that it is stopped.
return scenario "the stop of the NLB node hangs, and the other node does it" {
    set { failback = false, unconfirmed = "fence", restarts = 0 },
    at(30, action_slow("address.delete", 3600, { on = "server01" })),
    at(60, crash_service("server01", "MailService")),
    expect.said {
        "stop the NLB node on server01: ",
        "server02: powershell.exe { Import-Module NetworkLoadBalancingClusters; Get-NlbClusterNode",
        "fence: stop its NLB node on server01: ok: its NLB node is stopped, as server02 says",
        "server02 is granted the baton",
    },
    expect.active("server02", { by = 200 }),
    expect.serves "server02",
    expect.moves { exactly = 1 },
    ends(300),
}
