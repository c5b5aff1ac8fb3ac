--- Bad: it fences and does not read what the fence says. All is well as long as the power
--- switch works; it takes two faults at once to see it.

local floating_ip = require "floating_ip"
local guards      = require "guards"

local power_off = action {
    name = "power off",
    deadline = 5,
    run = function(node)
        exec {
            command = { "fence_ipmilan", "-a", node.name .. "-ipmi", "-o", "off" },
            effect = node.name .. ".power.off", timeout = 4,
        }
        return true -- bad: whatever came of it
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
