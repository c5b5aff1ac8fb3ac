-- The monitor has looked around after its start, finds nobody serving, and its machine is
-- suspended. Meanwhile a person starts the service on the other server. What the monitor saw
-- before it slept says nothing any more: it looks again, and does not start a second one.
return scenario "started by hand while the monitor is suspended" {
    serving {},
    at(9, hang "controller"),
    at(30, bring_up("server02", "address"), bring_up("server02", "service")),
    at(200, recover "controller"),
    expect.serves("server02", { from = 40, to = 240 }),
    expect.active("server02", { by = 230 }),
    expect.never "two nodes serve",
    ends(240),
}
