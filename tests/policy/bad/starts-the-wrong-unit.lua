--- Bad: its start succeeds and starts something else. The unit has another name on the standby
--- than the policy thinks, so no failover to it can ever be verified; it shows only on the day on
--- which it is needed.

local floating_ip = require "floating_ip"
local guards      = require "guards"
local postfix     = require "postfix"

local mail = postfix.instance { unit = "postfix.service", deadline = 10 }

local start = action {
    name = "start the mail server",
    effect = "service:postfix.start",
    deadline = 10,
    run = function(node)
        local unit = node.index == 1 and "postfix" or "postfix@out" -- bad: there it is postfix as well
        return node:exec {
            command = { "systemctl", "start", unit }, effect = "service:" .. unit .. ".start", timeout = 9,
        }
    end,
}

return policy {
    probes = {
        smtp = probe.smtp { port = 25, every = 2, timeout = 1, on = "holder" },
        ssh  = probe.tcp { port = 22, expect = "SSH-", every = 2, timeout = 1 },
    },
    serving = probe.custom { every = 2, timeout = 3, run = function(node) return floating_ip.look(node) end },
    fit = function(node) return node.ssh.ok and (node.smtp.ok or not node.holds) end,
    transitions = {
        { from = "Standby", to = "FailingOver", when = guards.holder_unfit_for(0) },
        { from = "Standby", to = "FailingBack", when = guards.preferred_fit_for(600) },
    },
    stop = { floating_ip.remove { deadline = 5 }, mail.stop },
    start = { start, floating_ip.add { deadline = 5 } },
    verify = { probe.smtp { port = 25, via = "floating", attempts = 5, retry = 0.5 } },
}
