-- A silent server may be dead or merely out of sight. Without a fence Baton must not guess: it
-- keeps the service down, says so, and goes on by itself as soon as the server is back.
return scenario "the primary dies and nobody can fence it" {
    set { unconfirmed = "hold", failback = false },
    at(60,  crash "server01"),
    at(400, recover "server01"),
    expect.hold("unconfirmed", { from = 100, to = 399 }),
    expect.serves("nobody", { from = 61, to = 399 }),
    expect.never "a fence",
    expect.said("confirm-out", { from = 60, to = 100 }),
    expect.outage { from = 440, to = 500, at_most = 0 },
    expect.hold("none", { at = 440 }),
    expect.moves { at_most = 1 },
    ends(500),
}
