--- Bad: it forgets to stop one thing. The address stays where it was, and the look asks for
--- Postfix only. When the Postfix that had died is put up again there, two servers serve.

local floating_ip = require "floating_ip"
local guards      = require "guards"
local postfix     = require "postfix"

local mail = postfix.instance { unit = "postfix.service", deadline = 10 }

return policy {
    probes = {
        smtp = probe.smtp { port = 25, every = 2, timeout = 1, on = "holder" },
        ssh  = probe.tcp { port = 22, expect = "SSH-", every = 2, timeout = 1 },
    },
    serving = probe.custom { every = 2, timeout = 3, run = mail.look },
    fit = function(node)
        return node.ssh.ok and (node.smtp.ok or not node.holds)
    end,
    transitions = {
        { from = "Standby", to = "FailingOver", when = guards.holder_unfit_for(0) },
        { from = "Standby", to = "FailingBack", when = guards.preferred_fit_for(600) },
    },
    stop = { mail.stop }, -- bad: and the address?
    start = { mail.start, floating_ip.add { deadline = 5 } },
}
