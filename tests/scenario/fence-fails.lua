-- The power switch does not answer. A fence that fails confirms nothing, so nothing is started;
-- when it is repaired, the operator's resume is enough.
return scenario "the fence fails" {
    set { unconfirmed = "fence", failback = false },
    at(50,  fence_fails()),
    at(60,  crash "server01"),
    at(300, fence_works()),
    at(300, resume { reason = "the power switch is repaired" }),
    expect.hold("unconfirmed", { from = 120, to = 299 }),
    expect.serves("nobody", { from = 120, to = 299 }),
    expect.active("server02", { by = 340 }),
    expect.serves "server02",
    expect.moves { exactly = 1 },
    ends(400),
}
