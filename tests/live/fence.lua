-- A policy for tests of fences: a "service" on a node is a file NODE.up in a directory, its health
-- a file NODE.ok. A node of which there is a file NODE.lost can't be asked.

local fence = require "fence"

local function path(node, what)
    return param.directory .. "/" .. node.name .. "." .. what
end

local function exists(node, what)
    local lost = exec { command = { "test", "-e", path(node, "lost") }, timeout = 5 }
    if lost.ok and what ~= "ok" then
        return nil, "it can't be asked"
    end
    local result = exec { command = { "test", "-e", path(node, what) }, timeout = 5 }
    return result.ok, result.ok and "it is there" or "it is not there"
end

local function change(name, verb, program)
    return action {
        name = name, effect = verb, deadline = 5,
        run = function(node)
            if exists(node, "up") == nil then
                return nil, "it can't be asked"
            end
            local result = exec { command = { program[1], program[2], path(node, "up") }, timeout = 5 }
            return result.ok, result.detail
        end,
    }
end

return policy {
    probes = {
        health = probe.custom {
            run = function(node) return exists(node, "ok") end, every = 0.1, timeout = 5, fall = 2, rise = 2,
        },
    },
    serving = probe.custom { run = function(node) return exists(node, "up") end, every = 0.1, timeout = 5 },
    fit = function(node) return node.health.ok end,
    transitions = { { from = "Standby", to = "FailingOver", when = holder_unfit_for(0) } },
    stop = { change("service", "service.stop", { "rm", "-f" }) },
    start = { change("service", "service.start", { "touch", "--" }) },
    fence = {
        action { name = "fence: ask nicely", run = function() return false, "it does not listen" end },
        fence.ipmi { address = "127.0.0.1", port = param.ipmi_port, user = "baton", deadline = 10,
            password_file = param.ipmi_password_file },
    },
    unconfirmed = "fence",
    settle = 0.5,
}
