--- Bad: an endless loop, where nobody looks for one: only when a probe has failed.

local floating_ip = require "floating_ip"
local guards      = require "guards"

local function first_free(text)
    local at = 1
    while text:sub(at, at) ~= " " do
        if at < #text then
            at = at + 1 -- bad: and if there is no blank?
        end
    end
    return at
end

return policy {
    probes = {
        smtp = probe.smtp { port = 25, every = 2, timeout = 1 },
    },
    serving = probe.custom { every = 2, timeout = 3, run = function(node) return floating_ip.look(node) end },
    fit = function(node)
        if node.smtp.failed then
            local word = node.name
            return false, word:sub(1, first_free(word))
        end
        return node.smtp.ok
    end,
    transitions = {
        { from = "Standby", to = "FailingOver", when = guards.holder_unfit_for(0) },
    },
    stop = { floating_ip.remove { deadline = 5 } },
    start = { floating_ip.add { deadline = 5 } },
}
