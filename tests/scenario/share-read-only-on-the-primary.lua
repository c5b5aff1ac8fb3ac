-- After an error the kernel has mounted the share read-only. Mail can be read and not delivered:
-- that is not well, and the standby can do better.
return scenario "the share is read-only on the primary" {
    set { failback = false, share_every = 5 },
    at(60, read_only_share "server01"),
    expect.serves("server02", { from = 100, to = 200 }),
    expect.outage { at_most = 5 },
    expect.moves { exactly = 1 },
    ends(200),
}
