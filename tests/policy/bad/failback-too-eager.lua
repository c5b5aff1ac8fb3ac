--- Bad: the failback asks less than the failover. A holder whose share is gone is given up, but
--- a standby is fit without the share, and is preferred: it takes the service back at once, to
--- be given up again.

local floating_ip = require "floating_ip"
local guards      = require "guards"

return policy {
    probes = {
        smtp  = probe.smtp { port = 25, every = 2, timeout = 1 },
        share = probe.share { every = 2, timeout = 2, fall = 2 },
    },
    serving = probe.custom { every = 2, timeout = 3, run = function(node) return floating_ip.look(node) end },
    fit = function(node)
        if node.holds then
            return node.smtp.ok and node.share.ok
        end
        return node.smtp.ok -- bad: without the share
    end,
    transitions = {
        { from = "Standby", to = "FailingOver", when = guards.holder_unfit_for(0) },
        { from = "Standby", to = "FailingBack", when = guards.preferred_fit_for(0) },
    },
    stop = { floating_ip.remove { deadline = 5 } },
    start = { floating_ip.add { deadline = 5 } },
    max_moves = 30,
}
