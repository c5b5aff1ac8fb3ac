-- The gateway and the witness behind it are silent, so Baton cannot tell whether it is itself cut
-- off, and waits. When the gateway answers again, the dead primary is replaced.
return scenario "the gateway is down while the primary dies" {
    set { unconfirmed = "fence", failback = false },
    at(60,  cut("controller", "gateway")),
    at(120, crash "server01"),
    at(300, mend("controller", "gateway")),
    expect.holder("server01", { from = 20, to = 299 }),
    expect.serves("server02", { by = 340 }),
    expect.serves "server02",
    expect.moves { exactly = 1 },
    ends(400),
}
