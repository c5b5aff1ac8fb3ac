--- Bad: it verifies nothing. What it asks is its own opinion: a server serves because it holds
--- the baton, and a start is done because it was wished.

local guards = require "guards"

local start = action {
    name = "take the address",
    effect = "address.add",
    run = function(node)
        node:exec { command = { "ip", "address", "add", group.floating, "dev", group.interface },
            effect = "address.add", timeout = 2 }
        return true -- bad: whatever came of it
    end,
}
local stop = action {
    name = "give the address up",
    effect = "address.delete",
    run = function(node)
        return node:exec { command = { "ip", "address", "del", group.floating, "dev", group.interface },
            effect = "address.delete", timeout = 2 }
    end,
}

return policy {
    probes = {
        smtp = probe.smtp { port = 25, every = 2, timeout = 1 },
    },
    serving = probe.custom { every = 2, timeout = 3, run = function(node) return node.holds end },
    fit = function(node) return node.smtp.ok end,
    transitions = {
        { from = "Standby", to = "FailingOver", when = guards.holder_unfit_for(0) },
    },
    stop = { stop },
    start = { start },
}
