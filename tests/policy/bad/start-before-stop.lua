--- Bad: to keep the outage short, the first thing that "stop" does is to start the service on
--- the other server. What a handover's steps do is the policy's; C orders only the steps.

local floating_ip = require "floating_ip"
local guards      = require "guards"

local function other(node)
    for _, candidate in ipairs(group.nodes) do
        if candidate ~= node then
            return candidate
        end
    end
end

local take_early = action {
    name = "take the address on the other server first",
    run = function(node)
        local address = group.floating
        local result = other(node):exec {
            command = { "ip", "address", "add", address, "dev", group.interface }, effect = "address.add",
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
    fit = function(node) return node.smtp.ok end,
    transitions = {
        { from = "Standby", to = "FailingOver", when = guards.holder_unfit_for(0) },
        { from = "Standby", to = "FailingBack", when = guards.preferred_fit_for(600) },
    },
    stop = { take_early, floating_ip.remove { deadline = 5 } },
    start = { floating_ip.add { deadline = 5 } },
    verify = { probe.smtp { port = 25, via = "floating", attempts = 5, retry = 0.5 } },
}
