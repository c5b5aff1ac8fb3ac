-- A pause is forgotten by those who made it. The primary dies in it: Baton says so in its log and
-- waits; the moment it is resumed, the service comes back.
return scenario "the primary dies in a forgotten pause" {
    set { unconfirmed = "fence", failback = false },
    at(50,   pause { reason = "patch day" }),
    at(4000, crash "server01"),
    at(7000, resume()),
    expect.degraded("server01", { from = 4020, to = 6999 }),
    expect.serves("nobody", { from = 4001, to = 6999 }),
    expect.serves("server02", { by = 7060 }),
    expect.serves "server02",
    ends(7100),
}
