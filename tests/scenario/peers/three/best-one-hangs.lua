-- The one that should take it hangs with a lease that lives: after its time the next one does.
return scenario "the best server's Baton hangs as it should take the baton" {
    set { failback = false },
    at(60,  crash "server01"),
    at(61,  hang_baton "server02"),
    at(120, recover_baton "server02"),
    expect.serves("server03", { from = 100, to = 180 }),
    expect.never "two nodes serve",
    ends(180),
}
