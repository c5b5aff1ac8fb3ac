--- Bad: it fences the wrong node. The sockets of the power strip are numbered from 0, the nodes
--- from 1: who can't be confirmed out stays on, and the server that should take over goes off.

local floating_ip = require "floating_ip"
local guards      = require "guards"

local power_off = action {
    name = "power off",
    deadline = 5,
    run = function(node)
        local socket = node.index % #group.nodes + 1 -- bad: one too far
        local result = exec {
            command = { "snmpset", "-v", "2c", "powerstrip", "outlet." .. socket, "i", "2" },
            effect = group.nodes[socket].name .. ".power.off", timeout = 5,
        }
        return result.ok, result.detail
    end,
}

return policy {
    probes = {
        smtp = probe.smtp { port = 25, every = 2, timeout = 1 },
        ssh  = probe.tcp { port = 22, expect = "SSH-", every = 2, timeout = 1 },
    },
    serving = probe.custom { every = 2, timeout = 3, run = function(node) return floating_ip.look(node) end },
    fit = function(node) return node.smtp.ok and node.ssh.ok end,
    transitions = {
        { from = "Standby", to = "FailingOver", when = guards.holder_unfit_for(0) },
    },
    stop = { floating_ip.remove { deadline = 5 } },
    start = { floating_ip.add { deadline = 5 } },
    fence = { power_off },
    unconfirmed = "fence",
}
