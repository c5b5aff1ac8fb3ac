-- A node forgets the mark of the last grant: its disk was replaced. Nothing moves for that, and the
-- next move goes as it should.
return scenario "a node forgets the mark of the last grant" {
    set { failback = false },
    at(60,  forget_mark "server01"),
    at(70,  forget_mark "server02"),
    at(120, failover { to = "server02", reason = "a drill" }),
    expect.active("server01", { from = 30, to = 119 }),
    expect.active("server02", { from = 160, to = 200 }),
    expect.moves { exactly = 1 },
    expect.never "a hold",
    ends(200),
}
