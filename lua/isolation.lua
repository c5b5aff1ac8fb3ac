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

-- Who is asked, with a function each that says whether it answers; made once for a timeout.
local function make_targets(timeout)
    local names, jobs = {}, {}
    if group.gateway then
        local ping = {
            command = { "ping", "-n", "-q", "-c", "1", "-W", ("%.2f"):format(timeout), group.gateway },
            timeout = timeout * 1.1, asks = "gateway.up",
        }
        names[1] = "gateway " .. group.gateway
        jobs[1] = function()
            return exec(ping).ok
        end
    end
    for _, witness in ipairs(group.witnesses) do
        local host, port = split(witness)
        local connect = { host = host, port = port, timeout = timeout }
        names[#names + 1] = "witness " .. witness
        jobs[#jobs + 1] = function()
            local result = tcp(connect)
            -- A refusal is an answer: somebody is there.
            return result.ok or result.detail:find("refused", 1, true) ~= nil
        end
    end
    return { names = names, jobs = jobs }
end

local function look(asked)
    if #asked.names == 0 then
        return true, "no gateway or witness is configured to ask"
    end
    local heard, answers = {}, { parallel(table.unpack(asked.jobs)) }
    for i, name in ipairs(asked.names) do
        if answers[i] then
            heard[#heard + 1] = name
        end
    end
    if #heard > 0 then
        table.sort(heard)
        return true, "heard from " .. table.concat(heard, ", ")
    end
    return false, "no answer from " .. table.concat(asked.names, ", ")
end

--- Ask the gateway and all witnesses at once. True if one answers, false if none does.
---@param timeout number  seconds
---@return boolean
---@return string detail
function isolation.look(timeout)
    return look(make_targets(timeout))
end

--- The probe. It is made once, beside the holder's probes, not for each node. `fall` is 1
--- by default: it must notice a cut before the probes of the nodes do.
---@param spec? { every?: number, timeout?: number, fall?: integer, rise?: integer, on?: string }
function isolation.probe(spec)
    spec = spec or {}
    local timeout = spec.timeout or 1
    -- A little less than the probe's own time, or silence would end as "unknown".
    local asked = make_targets(timeout * 0.8)
    return probe.custom {
        every = spec.every or 2,
        timeout = timeout,
        fall = spec.fall or 1,
        rise = spec.rise or 1,
        on = spec.on or "holder",
        pure = true,
        run = function()
            return look(asked)
        end,
    }
end

-- What was seen of a server while the controller was cut off says nothing about that server. So
-- of its probes that have failed, one must have failed again, by a look that began since.
local function seen_since(holder, name, uplink)
    local stale
    for _, other in ipairs(holder.probes) do
        local seen = holder[other]
        if other ~= name and seen.failed and not seen.resting then
            if seen.last == "failed" and seen.seen_for + seen.latency <= uplink.since_for then
                return true
            end
            stale = other
        end
    end
    return stale == nil, stale
end

--- False while the probe of that name says that neither gateway nor witness answers, and then
--- until the holder has been looked at afresh.
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
            if not uplink.resting and uplink.ok and node == view.holder then
                local fresh, stale = seen_since(node, name, uplink)
                if not fresh then
                    return false, ("the controller was cut off until %d s ago: waiting for a fresh look by %s")
                        :format(math.floor(uplink.since_for), stale)
                end
            end
        end
        return true, "the controller is not cut off"
    end
end

return isolation
