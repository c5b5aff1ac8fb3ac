-- The primary's link to the share breaks. It looks as if the share were gone on that server.
return scenario "the share's server is cut off from the primary" {
    set { failback = false, share_every = 5 },
    at(60, cut("server01", "share")),
    expect.serves("server02", { from = 110, to = 200 }),
    expect.outage { at_most = 5 },
    expect.moves { exactly = 1 },
    ends(200),
}
