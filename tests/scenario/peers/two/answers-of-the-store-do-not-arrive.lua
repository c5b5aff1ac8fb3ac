-- What the holder asks the store arrives, and no answer comes back. The store thinks that its lease
-- lives; the holder can't know, and stops. Nobody else is let in as long as it asks.
return scenario "the answers of the store do not arrive" {
    at(60,  cut("store", "server01", { one_way = true })),
    at(200, mend("store", "server01")),
    expect.serves("nobody", { from = 69, to = 70 }),
    expect.serves("server01", { from = 240, to = 300 }),
    expect.never "two nodes serve",
    ends(300),
}
