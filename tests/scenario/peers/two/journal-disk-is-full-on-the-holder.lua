-- The holder can't write its journal. It goes on serving; the other node can take over when it must.
return scenario "the holder's journal can't be written" {
    set { failback = false },
    at(60,  fill_disk "server01"),
    at(120, crash "server01"),
    expect.serves("server01", { from = 20, to = 119 }),
    expect.serves("server02", { from = 145, to = 200 }),
    expect.never "two nodes serve",
    ends(200),
}
