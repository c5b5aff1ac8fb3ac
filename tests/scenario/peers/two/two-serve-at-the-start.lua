-- Both have the address when the first Batons ever start. One gets the baton, the other is evicted.
return scenario "two serve at the start, among peers" {
    serving { "server01", "server02" },
    expect.serves("server01", { from = 40, to = 120 }),
    expect.holder("server01", { from = 40, to = 120 }),
    ends(120),
}
