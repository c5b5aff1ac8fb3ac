--- Bad: it treats unknown as failed. A server that can't be asked is unfit, at once, and a
--- service may move because of the controller's own network. What C makes of it: the old
--- holder can't be confirmed out while it can't be asked, so the group holds and waits.

local floating_ip = require "floating_ip"
local guards      = require "guards"

return policy {
    probes = {
        disk = probe.exec {
            command = { "test", "-w", "/var/spool/postfix" }, every = 2, timeout = 1,
            asks = "service:postfix.running", fall = 2,
        },
    },
    serving = probe.custom { every = 2, timeout = 3, run = function(node) return floating_ip.look(node) end },
    fit = function(node)
        if node.disk.unknown then
            return false, "can't be asked" -- bad: says no where it can't say
        end
        return node.disk.ok
    end,
    transitions = {
        { from = "Standby", to = "FailingOver", when = guards.holder_unfit_for(0) },
    },
    stop = { floating_ip.remove { deadline = 5 } },
    start = { floating_ip.add { deadline = 5 } },
}
