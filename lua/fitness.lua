--- Fitness: may this node serve?
--
-- `needs` makes the usual `fit` from a list of probes. Every one is read, whatever the
-- others say, so that the reason names all that is wrong, and so that a probe that is only
-- unknown never hides one that has failed.

local fitness = {}

local function describe(name, observed)
    local status = observed.failed and "failed" or "is unknown"
    if observed.last ~= observed.status then
        return ("%s %s, then was %s %d times"):format(name, status, observed.last, observed.run)
    end
    local detail = observed.detail
    return ("%s %s %d times%s"):format(name, status, observed.run, detail ~= "" and ": " .. detail or "")
end

--- True where the probe has failed on every node on which it is made, and there is more
--- than one.
---@param name string
---@return boolean
function fitness.failed_everywhere(name)
    local asked = 0
    for _, node in ipairs(group.nodes) do
        local observed = node[name]
        if not observed.resting then
            asked = asked + 1
            if not observed.failed then
                return false
            end
        end
    end
    return asked > 1
end

--- A function for `fit`: true when all probes in the list are ok, false when one has failed,
--- nil (can't say) when one is unknown and none has failed.
---
--- shared: probes in the list that look at something all nodes share. Where one has failed
--- on every node, the reason says that there is no better place.
---
--- tolerated: probes that count only when they have failed on some nodes and not on others:
--- unknown, or failed on every node alike (the controller's own clock is wrong), they are
--- nothing against a node.
---@param spec { [integer]: string, shared?: string[], tolerated?: string[] }
---@return fun(node: Node): boolean?, string?
function fitness.needs(spec)
    local shared, tolerated = {}, spec.tolerated or {}
    for _, name in ipairs(spec.shared or {}) do
        shared[name] = true
    end
    return function(node)
        local fit, failed, unknown = true, {}, {}
        for i = 1, #spec do
            local name = spec[i]
            local observed = node[name]
            if not observed.ok then
                fit = false
                local list = observed.failed and failed or unknown
                list[#list + 1] = describe(name, observed)
                if observed.failed and shared[name] and fitness.failed_everywhere(name) then
                    list[#list] = list[#list] .. ("; %s failed on all nodes: there is no better place"):format(name)
                end
            end
        end
        for i = 1, #tolerated do
            local name = tolerated[i]
            local observed = node[name]
            if not observed.unknown and observed.failed and not fitness.failed_everywhere(name) then
                fit = false
                failed[#failed + 1] = describe(name, observed)
            end
        end
        if fit then
            return true
        elseif #failed == 0 then
            return nil, table.concat(unknown, "; ")
        end
        return false, table.concat(failed, "; ")
    end
end

return fitness
