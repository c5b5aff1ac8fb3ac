--- Damping: what keeps a service from going back and forth.
--
-- Nothing here remembers anything by itself; it reads what the group remembers, so that a
-- reload or a restart does not make a flapping service look steady. The hard limit,
-- `max_moves` within `window`, is C and holds whatever a policy says.

local damping = {}

local function count_within(ages, within)
    local count, oldest = 0, 0
    for _, age in ipairs(ages) do
        if age < within then
            count = count + 1
            oldest = math.max(oldest, age)
        end
    end
    return count, oldest
end

--- True while there were fewer than `moves` unplanned moves within `within` seconds.
---@param spec { moves: integer, within: number }
---@return Guard
function damping.not_flapping(spec)
    local moves, within = spec.moves, spec.within
    assert(type(moves) == "number" and moves >= 1, "not_flapping: moves is a number of at least 1")
    assert(type(within) == "number" and within > 0, "not_flapping: within is a number of seconds")
    return function(_, group)
        local count, oldest = count_within(group.moves, within)
        if count < moves then
            return true, ("%d of %d moves within %d s"):format(count, moves, within)
        end
        return false, ("flapping: %d moves within %d s, %d are allowed"):format(count, within, moves),
            within - oldest
    end
end

--- True when the last unplanned move is at least `s` seconds ago: the new holder is given
--- that long to find its feet.
---@param s number  seconds
---@return Guard
function damping.grace(s)
    assert(type(s) == "number" and s >= 0, "grace: a number of seconds")
    return function(_, group)
        local last
        for _, age in ipairs(group.moves) do
            last = math.min(age, last or age)
        end
        if not last or last >= s then
            return true, "no move within the grace time"
        end
        return false, ("the last move is %d s of %d s ago"):format(last, s), s - last
    end
end

--- Each unplanned move counts 1 and fades by half every `half_life` seconds; true while the
--- sum is below `limit`. Unlike not_flapping it forgives slowly: many moves long ago weigh
--- less than two just now.
---@param spec { limit: number, half_life: number }
---@return Guard
function damping.damped(spec)
    local limit, half_life = spec.limit, spec.half_life
    assert(type(limit) == "number" and limit > 0, "damped: limit is a number above 0")
    assert(type(half_life) == "number" and half_life > 0, "damped: half_life is a number of seconds")
    return function(_, group)
        local sum = 0
        for _, age in ipairs(group.moves) do
            sum = sum + 2 ^ (-age / half_life)
        end
        if sum < limit then
            return true, ("penalty %.2f is below %.2f"):format(sum, limit)
        end
        -- All terms fade alike, so the sum halves every half_life too. A little more than
        -- that, or the sum would be asked for when it just equals the limit.
        return false, ("damped: penalty %.2f of %.2f"):format(sum, limit),
            half_life * math.log(sum / limit, 2) + 0.001
    end
end

--- A criterion for `fit` on a measured value (a latency, a clock offset) with two
--- thresholds: the node becomes unfit above `worse` and fit again only below `better`. In
--- between it stays what it is, by the verdict that the group remembers.
---@param spec { probe: string, field?: "value"|"latency", better: number, worse: number }
---@return fun(node: Node): boolean, string
function damping.hysteresis(spec)
    local name, field = spec.probe, spec.field or "value"
    local better, worse = spec.better, spec.worse
    assert(type(better) == "number" and type(worse) == "number" and better <= worse,
        "hysteresis: better and worse are numbers, better no more than worse")
    return function(node)
        local value = math.abs(node[name][field] or 0)
        local words = ("%s %s is %.3g"):format(name, field, value)
        if value > worse then
            return false, ("%s, above %.3g"):format(words, worse)
        end
        if value > better and node.fit == false then
            return false, ("%s, not yet below %.3g again"):format(words, better)
        end
        return true, words
    end
end

return damping
