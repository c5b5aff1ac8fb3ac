-- A pause is forgotten by those who made it. The primary dies in it: Baton says so in its log and
-- waits; the moment it is resumed, the service comes back.
return scenario "the primary dies in a forgotten pause" {
    set { unconfirmed = "fence", failback = false },
    at(50,   pause { reason = "patch day" }),
    at(1000, crash "server01"),
    at(2000, resume()),
    expect.degraded("server01", { from = 1020, to = 1999 }),
    expect.serves("nobody", { from = 1001, to = 1999 }),
    expect.serves("server02", { by = 2060 }),
    expect.serves "server02",
    ends(2100),
}
