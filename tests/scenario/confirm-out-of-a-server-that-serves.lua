-- The operator is mistaken: the server that he calls dead is seen serving. His word is refused,
-- or two would serve.
return scenario "a confirm-out of a server that serves" {
    at(60, confirm_out("server01", { reason = "I think it is off" })),
    expect.active("server01", { from = 20, to = 120 }),
    expect.outage { at_most = 0 },
    expect.never "a move",
    ends(120),
}
