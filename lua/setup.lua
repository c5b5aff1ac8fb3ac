--- Steps of a set-up that any service has: parts of it stopped and started on nodes, things for people.
--
-- A part is what moves with the baton: a service, a pool, a floating address. It has `start` and `stop`,
-- actions, and `look`, as in service.lua.

local setup = {}

---@class Part
---@field start Action
---@field stop Action
---@field look fun(node: Node): boolean?, string, boolean?

-- ---- Actions of a policy, outside of a move ------------------------------------------------------

local function answered(value, detail)
    if type(value) == "table" and value.ok ~= nil then
        if value.ok then
            return true, value.detail
        end
        return value.failed and false or nil, value.detail
    end
    return value, detail
end

--- Do what an action of the policy does, and wait until it is seen, at most for its deadline. Waits.
---@param action Action
---@param node Node
---@return boolean? done
---@return string? why
function setup.act(action, node)
    local there, why = answered(action.look(node))
    if there == true then
        return true, why
    end
    local done, said = answered(action.run(node))
    if done == false or done == nil and said ~= nil then
        return done, said
    end
    local until_time = now() + (action.deadline or 10)
    while true do
        there, why = answered(action.look(node))
        if there == true then
            return true, why
        elseif now() > until_time then
            return false, ("%s: not seen in time: %s"):format(action.name, why or "can't say")
        end
        sleep(0.5)
    end
end

-- The parts that are not as `which` ("start" or "stop") wants them; nil and why where one can't be seen.
local function others(parts, which, node)
    local left = {}
    for i, part in ipairs(parts) do
        local there, why = answered(part[which].look(node))
        if there == nil then
            return nil, ("%s: %s: %s"):format(node.name, part[which].name, why or "can't say")
        elseif not there then
            left[#left + 1] = i
        end
    end
    return left
end

local function are_so(parts, which, node, words)
    local left, why = others(parts, which, node)
    if not left then
        return nil, why
    end
    return #left == 0, #left == 0 and words or ("%d of %d not yet"):format(#left, #parts)
end

-- What would be done. All of it where nothing seems to be left: then an earlier step changes that.
local function lines_of(parts, which, node)
    local left, why = others(parts, which, node)
    if not left then
        error(why, 0)
    end
    local lines = {}
    for i, part in ipairs(#left > 0 and left or parts) do
        local one = #left > 0 and parts[part] or part
        lines[i] = ("%s: %s"):format(node.name, one[which].name)
    end
    return lines
end

-- ---- Steps --------------------------------------------------------------------------------------

---@class PartsSpec
---@field name string
---@field title string
---@field on? string        stopped: where
---@field node? Node        started: where
---@field start Part[]      in the order in which they are started
---@field stop Part[]       … and stopped
---@field deadline number   seconds, for all of them
---@field unless? fun(node: Node): boolean, string  where this is true nothing is done
---@field after? string      an earlier step that changes what is looked at
---@field final? boolean     stopped: `--undo` leaves it, because it undid an earlier step itself

--- Stop all parts on a node. `--undo` starts again what ran.
---@param spec PartsSpec
---@return Step
function setup.stopped(spec)
    local parts = spec.stop
    return step {
        name = spec.name, title = spec.title, on = spec.on, deadline = spec.deadline, after = spec.after,
        look = function(node)
            if spec.unless then
                local yes, why = spec.unless(node)
                if yes then
                    return true, why
                end
            end
            return are_so(parts, "stop", node, "all of it is stopped")
        end,
        plan = function(node)
            return lines_of(parts, "stop", node)
        end,
        run = function(node, before)
            local ran, why = others(parts, "stop", node)
            if not ran then
                return nil, why
            end
            -- What ran before a first try that did not come to its end.
            for i in (before or ""):gmatch "%d+" do
                ran[#ran + 1] = i
            end
            local memo = table.concat(ran, ",")
            for _, part in ipairs(parts) do
                local done, failed = setup.act(part.stop, node)
                if not done then
                    return done, failed, memo
                end
            end
            return true, "stopped", memo
        end,
        undo = not spec.final and function(node, memo)
            local stopped = {}
            for i in (memo or ""):gmatch "%d+" do
                stopped[parts[tonumber(i)]] = true
            end
            for _, part in ipairs(spec.start) do
                local done, why = true, nil
                if stopped[part] then
                    done, why = setup.act(part.start, node)
                end
                if not done then
                    return done, why
                end
            end
            return true, (memo or "") == "" and "it did not run before" or "it runs again"
        end or nil,
    }
end

-- Is every other node out? Never do two serve, whatever the steps are.
local function all_others_out(parts, node)
    for _, other in ipairs(group.nodes) do
        if other.name ~= node.name then
            local left, why = others(parts, "stop", other)
            if not left then
                return nil, why
            elseif #left > 0 then
                return false, ("%s still has to: %s"):format(other.name, parts[left[1]].stop.name)
            end
        end
    end
    return true
end

--- Start all parts on one node, where nothing of it runs on any other. `--undo` stops them.
---@param spec PartsSpec
---@return Step
function setup.started(spec)
    local node = spec.node
    return step {
        name = spec.name, title = spec.title, deadline = spec.deadline, after = spec.after,
        look = function()
            if spec.unless then
                local yes, why = spec.unless(node)
                if yes then
                    return true, why
                end
            end
            return are_so(spec.start, "start", node, node.name .. " serves")
        end,
        plan = function()
            return lines_of(spec.start, "start", node)
        end,
        run = function()
            local out, why = all_others_out(spec.stop, node)
            if not out then
                return out, why
            end
            for _, part in ipairs(spec.start) do
                local done, failed = setup.act(part.start, node)
                if not done then
                    return done, failed
                end
            end
            return true, node.name .. " serves"
        end,
        undo = function()
            for _, part in ipairs(spec.stop) do
                local done, why = setup.act(part.stop, node)
                if not done then
                    return done, why
                end
            end
            return true, "stopped on " .. node.name
        end,
    }
end

--- Something that a person does.
---@param spec { name: string, title: string, human: string, look?: fun(node?: Node): boolean?, string? }
---@return Step
function setup.by_hand(spec)
    return step { name = spec.name, title = spec.title, human = spec.human, look = spec.look, deadline = 120 }
end

return setup
