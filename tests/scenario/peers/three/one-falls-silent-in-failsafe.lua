-- It went on by the others' word; then one of them dies. Its promise ends, and with it the service.
return scenario "one node dies while the others vouch" {
    at(60,  lose_store()),
    at(120, crash "server02"),
    at(240, restore_store()),
    expect.serves("server01", { from = 20, to = 121 }),
    expect.serves("nobody", { from = 135, to = 240 }),
    expect.serves("server01", { from = 285, to = 300 }),
    expect.never "two nodes serve",
    ends(300),
}
