--- Bad: no fencing, and a look that lies. A server that can't be asked is taken for one that
--- does not serve, so a holder that only the controller can't reach is "confirmed out" while
--- its clients still use it.

local floating_ip = require "floating_ip"
local guards      = require "guards"

local function serves(node)
    local there, why = floating_ip.look(node)
    return there == true, why -- bad: nil, "can't say", becomes false
end

-- Bad as well: what could not be done is done.
local give_up = action {
    name = "remove the floating address, if it can be",
    effect = "address.delete",
    deadline = 20,
    run = function(node)
        if serves(node) then
            node:exec { command = { "ip", "address", "flush" }, effect = "address.delete" }
        end
        return true
    end,
}

return policy {
    probes = {
        smtp = probe.smtp { port = 25, every = 2, timeout = 1 },
        ssh  = probe.tcp { port = 22, expect = "SSH-", every = 2, timeout = 1 },
    },
    serving = probe.custom { every = 2, timeout = 7, run = serves },
    look_deadline = 7,
    fit = function(node) return node.smtp.ok and node.ssh.ok end,
    transitions = {
        { from = "Standby", to = "FailingOver", when = guards.holder_unfit_for(0) },
    },
    stop = { give_up },
    start = { floating_ip.add { deadline = 5 } },
}
