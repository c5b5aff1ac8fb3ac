-- The policy of `tools/bench failover`: a service that runs on both nodes all the time, and an
-- address that moves. As quick and as patient as what it is measured beside.

local floating_ip = require "floating_ip"
local guards      = require "guards"
local settings    = require "settings"

local set = settings.read {
    every = settings.number(1, 0.01),
    fall  = settings.number(3, 1),
    port  = settings.number(2525, 1),
}

local function served(via)
    return probe.tcp { port = set.port, expect = "220", every = set.every, timeout = set.every, fall = set.fall,
        rise = 1, via = via, name = via and "service on the floating address", attempts = via and 20,
        retry = via and 0.05 }
end

return policy {
    probes      = { service = served() },
    serving     = probe.custom { every = set.every, timeout = 2, pure = true,
                                 run = function(node) return floating_ip.look(node) end },
    fit         = function(node) return node.service.ok end,
    transitions = { { from = "Standby", to = "FailingOver", when = guards.holder_unfit_for(0) } },
    stop        = { floating_ip.remove { deadline = 2 } },
    start       = { floating_ip.add { deadline = 2 } },
    fence       = { hook "fence" },
    verify      = { served "floating" },
    unconfirmed = "fence",
    max_moves   = 32,
    settle      = 1,
}
