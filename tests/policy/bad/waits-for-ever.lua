--- Bad: it waits for ever. The last step of a start waits until the node is Active; but that is
--- what it becomes when the last step has ended.

local floating_ip = require "floating_ip"
local guards      = require "guards"

local announce = action {
    name = "announce when all is well",
    deadline = 20,
    run = function(node)
        while node.state ~= "Active" do
            sleep(0.5)
        end
        return floating_ip.announce(node)
    end,
}

return policy {
    probes = {
        smtp = probe.smtp { port = 25, every = 2, timeout = 1 },
    },
    serving = probe.custom { every = 2, timeout = 3, run = function(node) return floating_ip.look(node) end },
    fit = function(node) return node.smtp.ok end,
    transitions = {
        { from = "Standby", to = "FailingOver", when = guards.holder_unfit_for(0) },
    },
    stop = { floating_ip.remove { deadline = 5 } },
    start = { floating_ip.add { deadline = 5 }, announce },
}
