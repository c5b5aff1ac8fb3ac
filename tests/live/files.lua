-- A policy for tests of the daemon itself: a "service" on a node is a file NODE.up in a
-- directory, its health a file NODE.ok. All of it runs on the controller.

local function path(node, what)
    return param.directory .. "/" .. node.name .. "." .. what
end

local function exists(node, what)
    local result = exec { command = { "test", "-e", path(node, what) }, timeout = 5 }
    if result.unknown then
        return nil, result.detail
    end
    return result.ok, result.ok and "it is there" or "it is not there"
end

local start = action {
    name = "service",
    effect = "service.start",
    run = function(node)
        local result = exec { command = { "touch", path(node, "up") }, timeout = 5 }
        return result.ok, result.detail
    end,
}

local stop = action {
    name = "service",
    effect = "service.stop",
    run = function(node)
        local result = exec { command = { "rm", "-f", path(node, "up") }, timeout = 5 }
        return result.ok, result.detail
    end,
}

return policy {
    probes = {
        health = probe.custom {
            run = function(node)
                return exists(node, "ok")
            end,
            every = param.every or 0.05,
            timeout = 5,
            fall = 2,
            rise = 2,
        },
    },
    serving = probe.custom {
        run = function(node)
            return exists(node, "up")
        end,
        every = param.every or 0.05,
        timeout = 5,
    },
    fit = function(node)
        return node.health.ok
    end,
    transitions = {
        { from = "Standby", to = "FailingOver", when = holder_unfit_for(0) },
        { from = "Standby", to = "FailingBack", when = preferred_fit_for(3600) },
    },
    stop = { stop },
    start = { start },
    verify = {
        probe.custom {
            run = function(node)
                return exists(node, "up")
            end,
        },
    },
    max_moves = 32,
    settle = 0.3,
}
