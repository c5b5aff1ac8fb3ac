-- The server that gives the service up dies while it is being stopped. The preferred one is
-- well: it must end up serving, with or without a fence in between.
return scenario "the standby dies during the failback" {
    set { unconfirmed = "fence", failback_after = 60 },
    at(60,  crash "server01"),
    at(200, recover "server01"),
    at(step("look", { on = "server02" }), crash "server02"),
    expect.serves("server01", { by = 400 }),
    expect.serves "server01",
    ends(480),
}
