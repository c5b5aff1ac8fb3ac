--- Guards: when a transition is wise.
--
-- A guard is a function(node, group) that returns true or false, the reason in words, and
-- the seconds after which the answer may change although nothing is observed (nil: only an
-- observation can change it). The reason is what `baton why` shows, so each guard says what
-- it found, not only that it does not hold.
--
-- Guards keep no state of their own: they read what the group remembers (fit_for,
-- state_for, moves), so that a reload of the policy forgets nothing.

local damping   = require "damping"
local isolation = require "isolation"

local guards = {
    not_flapping = damping.not_flapping,
    damped       = damping.damped,
    grace        = damping.grace,
    not_isolated = isolation.not_isolated,
}

local function seconds(s)
    if s >= 10 or s == math.floor(s) then
        return ("%d s"):format(math.floor(s + 0.5))
    end
    return ("%.1f s"):format(s)
end

local function number(value, name, least)
    if type(value) ~= "number" or value < least then
        error(("%s: a number of seconds of at least %s is wanted, not %s"):format(name, least,
            tostring(value)), 3)
    end
    return value
end

local function because(node)
    local why = node.fit_why
    if why and why ~= "" then
        return ": " .. why
    end
    return ""
end

--- True when nobody holds the baton, or when its holder has been unfit for `s` seconds.
--- 0: as soon as the verdict is there. A holder whose verdict rests on something unknown is
--- not given up.
---@param s number  seconds
---@return Guard
function guards.holder_unfit_for(s)
    number(s, "holder_unfit_for", 0)
    return function(node, group)
        local holder = group.holder
        if holder == nil then
            return true, "nobody holds the baton"
        end
        if holder == node then
            return false, node.name .. " holds the baton itself"
        end
        if holder.fit == nil then
            return false, ("can't say whether %s is fit%s"):format(holder.name, because(holder))
        end
        if holder.fit then
            return false, holder.name .. " holds the baton and is fit"
        end
        local unfit = holder.fit_for
        if unfit >= s then
            return true, ("%s unfit for %s%s"):format(holder.name, seconds(unfit), because(holder))
        end
        return false,
            ("%s unfit for %s of %s%s"):format(holder.name, seconds(unfit), seconds(s), because(holder)),
            s - unfit
    end
end

--- True when `node` is preferred over the holder (a lower priority number) and has been fit
--- and standing by for `s` seconds.
---@param s number  seconds
---@return Guard
function guards.preferred_fit_for(s)
    number(s, "preferred_fit_for", 0)
    return function(node, group)
        local holder = group.holder
        if holder == nil then
            return false, "nobody holds the baton: that is a failover's business"
        end
        if node.priority >= holder.priority then
            return false, ("%s is not preferred over %s"):format(node.name, holder.name)
        end
        if node.fit == nil then
            return false, ("can't say whether %s is fit%s"):format(node.name, because(node))
        end
        if not node.fit then
            return false, ("%s is not fit%s"):format(node.name, because(node))
        end
        -- Standing by counts too: a node that has just given the baton up by an operator's
        -- wish was fit all the time, and must not take it back at once.
        local since = math.min(node.fit_for, node.state_for)
        if since >= s then
            return true, ("%s preferred, fit for %s"):format(node.name, seconds(since))
        end
        return false, ("%s fit for %s of %s"):format(node.name, seconds(since), seconds(s)), s - since
    end
end

--- True when every guard is; the reason is then the first one's. Otherwise it names all that
--- do not hold.
---@param ... Guard
---@return Guard
function guards.all(...)
    local list = { ... }
    return function(node, group)
        local all, first, no, again, open = true, nil, nil, 0, false
        for i = 1, #list do
            local holds, why, s = list[i](node, group)
            if holds then
                first = first or why
            else
                all = false
                no = no and why and no .. "; " .. why or no or why
                open = open or s == nil
                again = math.max(again, s or 0)
            end
        end
        if all then
            return true, first
        end
        return false, no, not open and again or nil
    end
end

--- True when at least one guard is. The reason is that of those that hold, or of all.
---@param ... Guard
---@return Guard
function guards.any(...)
    local list = { ... }
    return function(node, group)
        local yes, no, again = {}, {}, nil
        for _, guard in ipairs(list) do
            local holds, why, s = guard(node, group)
            if holds then
                yes[#yes + 1] = why
            else
                no[#no + 1] = why
                again = s and math.min(s, again or s) or again
            end
        end
        if #yes > 0 then
            return true, table.concat(yes, "; ")
        end
        return false, table.concat(no, "; "), again
    end
end

--- True when the guard is not; with its own reason.
---@param guard Guard
---@return Guard
function guards.negate(guard)
    return function(node, group)
        local holds, why, s = guard(node, group)
        return not holds, why, s
    end
end

local day_names = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" }

local function minutes(text, name)
    local h, m = tostring(text):match("^(%d%d?):(%d%d)$")
    h, m = tonumber(h), tonumber(m)
    if not h or h > 24 or m > 59 or h * 60 + m > 1440 then
        error(('within_hours: %s is a time of day like "22:30", not %s'):format(name,
            tostring(text)), 3)
    end
    return h * 60 + m
end

local function day_set(days)
    if days == nil then
        return nil
    end
    local set = {}
    for _, day in ipairs(days) do
        local number_of
        for i, name in ipairs(day_names) do
            if type(day) == "string" and day:lower() == name then
                number_of = i - 1
            end
        end
        if not number_of then
            error(("within_hours: no day %s; there are: %s"):format(tostring(day),
                table.concat(day_names, ", ")), 3)
        end
        set[number_of] = true
    end
    return set
end

-- Seconds from `now` (since 1970, local) until the window's next edge, and whether `now`
-- is inside. A window that ends before it begins goes on past midnight and belongs to the
-- day on which it began.
local function window(now, from, to, days)
    local length = (to - from) % 1440 * 60
    if length == 0 then
        length = 86400
    end
    local today = math.floor(now / 86400)
    local next_open
    for day = today - 1, today + 7 do
        local weekday = (day + 4) % 7 -- 1970-01-01 was a Thursday
        if not days or days[weekday] then
            local opens = day * 86400 + from * 60
            if now >= opens and now < opens + length then
                return true, opens + length - now
            end
            if opens > now then
                next_open = next_open or opens - now
            end
        end
    end
    return false, next_open
end

--- True at these hours. `negate(within_hours{…})` keeps a maintenance window free of moves.
---@param spec { from: string, to: string, days?: string[], utc_offset?: number }
---  from, to: "22:30"; a window may go past midnight. days: "mon" … "sun", on which it
---  begins; all days if missing. utc_offset: hours that local time is ahead of UTC (0).
---@return Guard
function guards.within_hours(spec)
    local from, to = minutes(spec.from, "from"), minutes(spec.to, "to")
    local days = day_set(spec.days)
    local offset = (spec.utc_offset or 0) * 3600
    local name = ("%s to %s%s"):format(spec.from, spec.to, days and " on " .. table.concat(spec.days, ", ") or "")
    return function()
        local inside, s = window(wall() + offset, from, to, days)
        return inside, (inside and "it is within " or "it is not within ") .. name, s
    end
end

-- What makes a place no better than the one the service is in: the probe has failed on the
-- holder, and the taker has not been seen well by it since.
local function seen_well_since(node, holder, name)
    local there, here = holder[name], node[name]
    if not there.failed or there.resting then
        return true
    end
    if here.failed then
        return false, ("%s failed on %s too: there is no better place"):format(name, node.name)
    end
    if here.unknown then
        return false, ("%s failed on %s and is unknown on %s"):format(name, holder.name, node.name)
    end
    if here.seen_for > there.since_for or here.last ~= "ok" then
        return false, ("%s failed on %s: waiting for a fresh look from %s"):format(name, holder.name, node.name)
    end
    return true
end

local function first_failed(node, names)
    for _, name in ipairs(names) do
        if node[name].failed then
            return name
        end
    end
end

--- True unless the holder's only fault is one of the `shared` probes, which look at something
--- that all nodes share (the share, the time), and `node` has not been seen well by it since.
--- It keeps a fault of the shared thing, which one node notices a moment before the other,
--- from moving the service. A failed probe among `own` is reason enough, whatever the
--- shared ones say.
---@param spec { shared: string[], own: string[] }  names of probes
---@return Guard
function guards.better_place(spec)
    local shared, own = spec.shared, spec.own
    return function(node, group)
        local holder = group.holder
        if holder == nil then
            return true, "nobody holds the baton"
        end
        local fault = first_failed(holder, own)
        if fault then
            return true, ("%s failed on %s itself"):format(fault, holder.name)
        end
        for _, name in ipairs(shared) do
            local better, why = seen_well_since(node, holder, name)
            if not better then
                return false, why
            end
        end
        return true, ("%s is no worse off than %s"):format(node.name, holder.name)
    end
end

return guards
