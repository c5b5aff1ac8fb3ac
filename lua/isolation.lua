--- Isolation: is the controller itself the one that is cut off?
--
-- A controller that sees nobody should not conclude that everybody is dead. The probe asks
-- the gateway (ping) and the witnesses (TCP) of the configuration from the controller; the
-- guard lets nothing move while none of them answers.
--
--   probes      = { uplink = isolation.probe { every = 2 }, … }
--   transitions = { { …, when = all(holder_unfit_for(6), isolation.not_isolated "uplink") } }

local isolation = {}

local function split(witness)
    local host, port = witness:match("^%[(.+)%]:(%d+)$")
    if not host then
        host, port = witness:match("^([^:]+):(%d+)$")
    end
    return host, tonumber(port)
end

local function ask_gateway(gateway, timeout)
    local result = exec {
        command = { "ping", "-n", "-q", "-c", "1", "-W", ("%.2f"):format(timeout), gateway },
        timeout = timeout + 0.1,
        asks = "gateway.up",
    }
    return result.ok
end

local function ask_witness(witness, timeout)
    local host, port = split(witness)
    local result = tcp { host = host, port = port, timeout = timeout }
    -- A refusal is an answer: somebody is there.
    return result.ok or result.detail:find("refused", 1, true) ~= nil
end

--- Ask the gateway and all witnesses at once. True if one answers, false if none does.
---@param timeout number  seconds
---@return boolean
---@return string detail
function isolation.look(timeout)
    local asked, heard, jobs = {}, {}, {}
    local function ask(name, f, target)
        asked[#asked + 1] = name
        jobs[#jobs + 1] = function()
            if f(target, timeout) then
                heard[#heard + 1] = name
            end
        end
    end
    if group.gateway then
        ask("gateway " .. group.gateway, ask_gateway, group.gateway)
    end
    for _, witness in ipairs(group.witnesses) do
        ask("witness " .. witness, ask_witness, witness)
    end
    if #asked == 0 then
        return true, "no gateway or witness is configured to ask"
    end
    parallel(table.unpack(jobs))
    if #heard > 0 then
        table.sort(heard)
        return true, "heard from " .. table.concat(heard, ", ")
    end
    return false, "no answer from " .. table.concat(asked, ", ")
end

--- The probe. It is made once, beside the holder's probes, not for each node. `fall` is 1
--- by default: it must notice a cut before the probes of the nodes do.
---@param spec? { every?: number, timeout?: number, fall?: integer, rise?: integer, on?: string }
function isolation.probe(spec)
    spec = spec or {}
    local timeout = spec.timeout or 1
    return probe.custom {
        every = spec.every or 2,
        timeout = timeout,
        fall = spec.fall or 1,
        rise = spec.rise or 1,
        on = spec.on or "holder",
        pure = true,
        -- A little less than the probe's own time, or silence would end as "unknown".
        run = function()
            return isolation.look(timeout * 0.8)
        end,
    }
end

--- False while the probe of that name says that neither gateway nor witness answers.
---@param name? string  of the probe in `probes`; "uplink" if missing
---@return Guard
function isolation.not_isolated(name)
    name = name or "uplink"
    return function(_, view)
        for _, node in ipairs(view.nodes) do
            local uplink = node[name]
            if not uplink.resting and uplink.failed then
                return false, "the controller may be the one that is cut off: " .. uplink.detail
            end
        end
        return true, "the controller is not cut off"
    end
end

return isolation
