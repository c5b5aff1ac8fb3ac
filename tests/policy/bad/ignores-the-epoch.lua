--- Bad: it ignores the epoch. A probe keeps the address "alive" on every server that was ever
--- seen with it, whoever holds the baton now. C drops steps of an older grant; what a probe does
--- behind its back, it does not see before a server serves without the baton.

local floating_ip = require "floating_ip"
local guards      = require "guards"

local was_mine = {} -- what the policy believes, instead of node.holds

local function keep_alive(node)
    local up, why = floating_ip.look(node)
    if up then
        was_mine[node.name] = true
    elseif up == false and was_mine[node.name] then
        node:exec {
            command = { "ip", "address", "add", group.floating, "dev", group.interface },
            effect = "address.add",
        }
    end
    return up ~= nil, why
end

return policy {
    probes = {
        smtp  = probe.smtp { port = 25, every = 2, timeout = 1 },
        alive = probe.custom { every = 2, timeout = 3, run = keep_alive },
    },
    serving = probe.custom { every = 5, timeout = 3, run = function(node) return floating_ip.look(node) end },
    fit = function(node) return node.smtp.ok end,
    transitions = {
        { from = "Standby", to = "FailingOver", when = guards.holder_unfit_for(0) },
    },
    stop = { floating_ip.remove { deadline = 5 } },
    start = { floating_ip.add { deadline = 5 } },
}
