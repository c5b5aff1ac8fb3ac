-- In a pause an administrator moves the service himself. Resumed, Baton adopts what it finds
-- instead of moving it back at once.
return scenario "moved by hand in a pause" {
    set { failback = false },
    at(50,  pause { reason = "moving it by hand" }),
    at(60,  bring_down("server01", "address"), bring_down("server01", "service")),
    at(62,  bring_up("server02", "service"), bring_up("server02", "address")),
    at(200, resume()),
    expect.serves("server02", { from = 63, to = 300 }),
    expect.active("server02", { by = 230 }),
    expect.outage { from = 63, to = 300, at_most = 0 },
    ends(300),
}
