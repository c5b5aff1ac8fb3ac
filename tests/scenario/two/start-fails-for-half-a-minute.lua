-- A fault that is over by itself must not need a person: starts fail everywhere for half a minute,
-- and each one that fails uses up a move. The node rests in between, so some are left when it works.
return scenario "no start works for half a minute" {
    set { unconfirmed = "fence", restarts = 0 },
    at(20, action_fails("address.add"), action_fails("service.start")),
    at(20, refuse_start("server01"), refuse_start("server02")),
    at(30, crash "server01"),
    at(60, action_works("address.add"), action_works("service.start"), obey "server01", obey "server02"),
    expect.active("server02", { by = 130 }),
    expect.hold("none", { from = 0, to = 130 }),
    expect.never "two nodes serve",
    ends(150),
}
