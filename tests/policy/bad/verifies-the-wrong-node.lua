--- Bad: it verifies the wrong node. Whoever takes over, the first server is asked whether it has
--- the address now; so each move to the second one is done, found wanting, and undone.

local floating_ip = require "floating_ip"
local guards      = require "guards"

local has_the_address = action {
    name = "see that the address is up",
    deadline = 3,
    run = function()
        return floating_ip.look(group.nodes[1]) -- bad: and not the node that is given
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
        { from = "Standby", to = "FailingBack", when = guards.preferred_fit_for(600) },
    },
    stop = { floating_ip.remove { deadline = 5 } },
    start = { floating_ip.add { deadline = 5 } },
    verify = { has_the_address },
}
