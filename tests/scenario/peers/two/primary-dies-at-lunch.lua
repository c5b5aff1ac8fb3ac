-- The plainest bad day: the holder loses power. Its lease runs out, the standby takes over with no
-- fence at all; when the primary is back and all is quiet it gets the service again.
return scenario "the primary dies at lunch, among peers" {
    set { failback_after = 60 },
    at(60,  crash "server01"),
    at(300, recover "server01"),
    expect.serves("server01", { from = 20, to = 59 }),
    expect.serves("server02", { from = 80, to = 350 }),
    expect.active("server02", { from = 80, to = 350 }),
    expect.active("server01", { by = 420 }),
    expect.serves "server01",
    expect.outage { at_most = 18 },
    expect.moves { exactly = 2 },
    expect.never "two nodes serve",
    expect.never "a fence",
    ends(480),
}
