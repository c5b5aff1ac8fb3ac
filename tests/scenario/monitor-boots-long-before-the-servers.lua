-- After a power cut the monitor is up in seconds and the servers need minutes. It does not fence
-- a room full of booting machines for nothing, or if it does, the service still comes back.
return scenario "the monitor boots long before the servers" {
    set { unconfirmed = "hold" },
    at(60,  kill_daemon {}, crash "server01", crash "server02"),
    at(300, start_daemon()),
    at(420, recover "server02"),
    at(480, recover "server01"),
    expect.outage { from = 560, to = 700, at_most = 0 },
    expect.hold("none", { at = 700 }),
    expect.moves { at_most = 1 },
    ends(700),
}
