-- A reboot in less time than the probes need to be sure. The service is down on the node that
-- holds the baton: somebody must start it again, here or there, without asking a person.
return scenario "the primary reboots quickly" {
    set { unconfirmed = "hold", failback = false },
    at(60, crash "server01"),
    at(63, recover "server01"),
    expect.outage { at_most = 45 },
    expect.outage { from = 110, to = 200, at_most = 0 },
    expect.moves { at_most = 1 },
    expect.hold("none", { at = 110 }),
    ends(200),
}
