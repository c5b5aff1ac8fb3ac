-- A third of all packets is lost for ten minutes. Whether the service moves is a matter of luck;
-- that only one serves, and that somebody does in the end, is not.
return scenario "a very lossy line" {
    set { unconfirmed = "hold" },
    at(60,  lossy("controller", "server01", 0.35)),
    at(660, mend("controller", "server01")),
    at(900, resume()),
    expect.moves { at_most = 3 },
    expect.outage { from = 960, to = 1100, at_most = 0 },
    expect.hold("none", { at = 1100 }),
    ends(1100),
}
