-- The monitor runs on the standby, and that is rebooted for a patch. Nobody watches meanwhile; the
-- service on the other server must not notice.
return scenario "the standby with the monitor reboots" {
    at(60,  crash "server02"),
    at(180, recover "server02"),
    expect.serves("server01", { from = 10, to = 300 }),
    expect.outage { at_most = 0 },
    expect.active("server01", { by = 240 }),
    expect.standby("server02", { by = 240 }),
    expect.never "a move",
    expect.never "a fence",
    ends(300),
}
