-- A pause is for all Batons, wherever it is ordered: while it lasts nobody takes over, not even
-- when the primary dies. It ends where somebody ends it.
return scenario "paused on all nodes" {
    at(60,  pause { at = "server02", reason = "maintenance" }),
    at(90,  crash "server01"),
    at(200, resume { at = "server02" }),
    expect.serves("nobody", { from = 91, to = 199 }),
    expect.said("paused", { from = 60, to = 70 }),
    expect.serves("server02", { from = 230, to = 260 }),
    expect.never "two nodes serve",
    ends(260),
}
