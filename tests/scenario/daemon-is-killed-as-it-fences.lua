-- Killed right after it ordered the power off. Whether the fence has worked is not known any more,
-- so it is done again: off is off.
return scenario "the daemon is killed as it fences" {
    set { unconfirmed = "fence", failback = false },
    at(60, hang "server01"),
    at(step("hook fence", { on = "server01", after = 0.01 }), kill_daemon { restart = 5 }),
    expect.serves("server02", { by = 160 }),
    expect.serves "server02",
    expect.moves { exactly = 1 },
    ends(240),
}
