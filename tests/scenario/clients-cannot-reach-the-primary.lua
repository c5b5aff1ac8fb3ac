-- A router on the clients' side breaks. Baton sees the primary well, and it is: a move would not
-- help those clients. This is what one monitor cannot know, written down.
return scenario "clients cannot reach the primary" {
    at(60,  cut("client", "server01")),
    at(160, mend("client", "server01")),
    expect.active("server01", { from = 20, to = 200 }),
    expect.serves("server01", { from = 10, to = 200 }),
    expect.outage { at_most = 101 },
    expect.never "a move",
    ends(200),
}
