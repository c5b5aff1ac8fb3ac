--- Remedies: what is tried on a node before anything moves.

local floating_ip = require "floating_ip"

local remedies = {}

local function failed(node, services)
    local names = {}
    for name in pairs(services) do
        if node[name].failed then
            names[#names + 1] = name
        end
    end
    return names
end

-- What a restart changes, as the simulated world calls it: the one service, or all.
local function effect_of(services)
    local only
    for _, service in pairs(services) do
        if only and only ~= service.name then
            return "service.restart"
        end
        only = service.name
    end
    return "service:" .. only .. ".restart"
end

---@class RestartSpec
---@field services table<string, Service>  by the name of the probe that watches each
---@field reach? string      the probe that says whether the node can be reached ("ssh")
---@field on? "holder"|"any" "any": only nodes that do not hold the baton ("holder")
---@field attempts? integer  restarts within `within`; then the holder may be given up (1)
---@field within? number     seconds (600)
---@field deadline? number   seconds for the restart, its probes ok again (30)

--- Restart in place, where the node can be reached, the services whose probes have failed.
--- It is done when these probes are ok again, so that a restart that helps never ends in a
--- move all the same. For holder and standby, put two in the list: their attempts count
--- apart, and a holder may have none at all.
---@param spec RestartSpec
---@return Remedy
function remedies.restart(spec)
    local services, reach = spec.services, spec.reach or "ssh"
    local on = spec.on or "holder"
    return {
        on = on,
        attempts = spec.attempts or 1,
        within = spec.within or 600,
        when = function(node)
            if node.holds ~= (on == "holder") then
                return false, "the other remedy's business"
            end
            local names = failed(node, services)
            if #names == 0 then
                return false, "nothing to restart"
            end
            local list = table.concat(names, ", ")
            -- The last observation counts: a server that has just died was reachable until
            -- the probe has failed often enough, and a restart there would only cost time.
            if not node[reach].ok or node[reach].last ~= "ok" then
                return false, ("%s failed, but %s can't be reached (%s)"):format(list, node.name, reach)
            end
            return true, ("%s failed: %s"):format(list, node[names[1]].detail)
        end,
        run = action {
            name = "restart in place",
            effect = effect_of(services),
            deadline = spec.deadline or 30,
            run = function(node)
                local restarted = {}
                -- Probes do not fail all at the same moment: look again after each restart.
                while true do
                    local names = failed(node, services)
                    if #names == 0 then
                        return true
                    end
                    for _, name in ipairs(names) do
                        local service = services[name] -- several probes may watch one
                        if not restarted[service] then
                            restarted[service] = true
                            local done, why = service.restart_on(node)
                            if not done then
                                return false, why
                            end
                        end
                    end
                    sleep(0.1)
                end
            end,
        },
    }
end

---@class PutAddressBackSpec
---@field probe string       the one that watches the address, made by floating_ip.probe
---@field attempts? integer  within `within`; then the holder may be given up (2)
---@field within? number     seconds (600)
---@field deadline? number   seconds for one attempt, the probe ok again (10)
---@field put? fun(node: Node): boolean?, string?  instead of a Linux address: NlbNode's start_on

--- Put a lost floating address back on the holder: a restart of the network takes it off, and
--- no server is at fault. Like a restart in place it is done when the probe is ok again.
---@param spec PutAddressBackSpec
---@return Remedy
function remedies.put_address_back(spec)
    local watch, deadline, put = spec.probe, spec.deadline or 10, spec.put or floating_ip.add_on
    return {
        on = "holder",
        attempts = spec.attempts or 2,
        within = spec.within or 600,
        when = function(node)
            local lost = node[watch].failed and node[watch].last == "failed"
            return lost, (lost and "the address is lost: " or "the address is not lost: ") .. node[watch].detail
        end,
        run = action {
            name = "put the floating address back",
            effect = "address.add",
            deadline = deadline,
            run = function(node)
                local done, why = put(node, { deadline = deadline })
                if not done then
                    return done, why
                end
                while node[watch].failed do
                    sleep(0.1)
                end
                return true
            end,
        },
    }
end

return remedies
