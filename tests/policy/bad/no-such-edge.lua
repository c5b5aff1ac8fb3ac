--- Bad: it would make a standby Active without a handover. The machine has no such edge; C
--- refuses the policy when it is loaded.

local floating_ip = require "floating_ip"
local guards      = require "guards"

return policy {
    probes = {
        smtp = probe.smtp { port = 25, every = 2, timeout = 1 },
    },
    transitions = {
        { from = "Standby", to = "Active", when = guards.holder_unfit_for(0) },
    },
    stop = { floating_ip.remove { deadline = 5 } },
    start = { floating_ip.add { deadline = 5 } },
}
