-- A policy whose checks are as files of the share say, for the tests of `baton preflight` and `cluster`:
-- SHARE/no-NAME is a no, SHARE/blind-NAME can't be seen, SHARE/slow-NAME takes its time.

local function there(name)
    return exec { command = { "test", "-e", group.share .. "/" .. name } }.ok
end

local function asked(name)
    return function(node)
        local whole = node and name .. "-" .. node.name or name
        if there("slow-" .. whole) then
            exec { command = { "touch", group.share .. "/began" } }
            sleep(600)
        elseif there("blind-" .. whole) then
            return nil, "nobody can see it", "open your eyes"
        elseif there("no-" .. whole) then
            return false, 'it says "no" & <no>'
        end
        return true, "it is"
    end
end

local function runs(node)
    return node:exec { command = { "true" }, asks = "service.running" }
end

return policy {
    probes = {},
    transitions = { { from = "Standby", to = "FailingOver", when = holder_unfit_for(1) } },
    start = { action { name = "start", effect = "service.start", look = runs, run = function(node)
        return node:exec { command = { "true" }, effect = "service.start" }
    end } },
    stop = { action { name = "stop", effect = "service.stop", run = function(node)
        return node:exec { command = { "true" }, effect = "service.stop" }
    end } },
    unconfirmed = param.unconfirmed, fence = { hook "fence" },
    checks = {
        check { name = "own", title = "the thing is there", run = asked "own", advice = "put it there" },
        check { name = "whole", title = "all is well", on = "group", run = asked "whole", advice = "make it well" },
        -- In the place of those that every policy gets: server02 is not there.
        check { name = "reached", title = "it is reached, by this policy's own word", run = asked "reached" },
        check { name = "clock", run = asked "clock" },
        check { name = "share", run = asked "share" },
        check { name = "share-same", on = "group", run = asked "share-same" },
        param.broken and check { name = "wrong", run = function() return 5 end } or nil,
    },
    cluster = {
        check { name = "thing", title = "THING", run = function(node) return true, node.name .. " has one" end },
        check { name = "luck", title = "LUCK", run = function(node)
            if node.name == "server02" then
                return nil, "can't say"
            end
            return false, "none"
        end },
    },
}
