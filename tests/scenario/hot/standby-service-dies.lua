-- Hot standby: the mail service dies on the server that does not hold the baton. It is started
-- again there, so that the standby is one; clients do not notice.
return scenario "the service of the hot standby dies" {
    at(60, crash_service "server02"),
    expect.active("server01", { from = 20, to = 200 }),
    expect.standby("server02", { by = 120 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    ends(200),
}
