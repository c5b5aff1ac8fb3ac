-- All ports answer, but the API says that a service which must run does not: restarted in place.
return scenario "the API says that a service is down" {
    set { failback = false },
    at(120, bring_down("server01", "api")),
    at(step("restart in place", { on = "server01" }), bring_up("server01", "api")),
    expect.said "api ok → fail",
    expect.said "restart in place on server01 begins",
    expect.active("server01", { by = 260 }),
    expect.never "a move",
    ends(400),
}
