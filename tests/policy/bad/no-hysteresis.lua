--- Bad: no hysteresis and no damping. One lost packet makes a server unfit, one answer makes it
--- fit again, and the preferred one takes the service back at once.

local floating_ip = require "floating_ip"
local guards      = require "guards"

return policy {
    probes = {
        smtp = probe.smtp { port = 25, every = 1, timeout = 0.5, fall = 1, rise = 1 },
    },
    serving = probe.custom { every = 2, timeout = 3, run = function(node) return floating_ip.look(node) end },
    fit = function(node) return node.smtp.ok end,
    transitions = {
        { from = "Standby", to = "FailingOver", when = guards.holder_unfit_for(0) },
        { from = "Standby", to = "FailingBack", when = guards.preferred_fit_for(0) },
    },
    stop = { floating_ip.remove { deadline = 10 } },
    start = { floating_ip.add { deadline = 10 } },
}
