-- Frozen between grant and start for a minute: the answers of before are late, and the move is
-- still brought to an end.
return scenario "the monitor is suspended during a move" {
    set { restarts = 0, failback = false },
    at(60, crash_service "server01"),
    at(step("grant", { on = "server02" }), hang "controller"),
    at(130, recover "controller"),
    expect.outage { from = 220, to = 300, at_most = 0 },
    expect.moves { at_most = 1 },
    ends(300),
}
