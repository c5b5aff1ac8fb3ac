-- Guards, damping, isolation, fitness: verdicts, their reasons and their wake-up times.

package.path = (arg[0]:match("^(.*)/[^/]*$") or ".") .. "/?.lua;" .. package.path
local minihost = require "minihost"
local equal, says, refuses, test = minihost.equal, minihost.says, minihost.refuses, minihost.test
local observed = minihost.observed

local function pair(holder, taker, options)
    local host = minihost.new(options or {})
    holder.holds = true
    return host, host.node("server01", holder), host.node("server02", taker or {})
end

test("holder_unfit_for: nobody holds", function()
    local host = minihost.new {}
    local guards = host.require "guards"
    local holds, why = guards.holder_unfit_for(6)(host.node "server01", host.group)
    equal(holds, true)
    says(why, "nobody holds the baton")
end)

test("holder_unfit_for: says how long of how long, why, and when it clears", function()
    local host, _, taker = pair { fit = false, fit_for = 4, fit_why = "smtp failed 3/3" }
    local holds, why, again = host.require "guards".holder_unfit_for(6)(taker, host.group)
    equal(holds, false)
    equal(why, "server01 unfit for 4 s of 6 s: smtp failed 3/3")
    equal(again, 2)
end)

test("holder_unfit_for: true when the time is over, and at once with 0", function()
    local host, holder, taker = pair { fit = false, fit_for = 6 }
    local guards = host.require "guards"
    equal((guards.holder_unfit_for(6)(taker, host.group)), true)
    holder.fit_for = 0
    equal((guards.holder_unfit_for(6)(taker, host.group)), false)
    equal((guards.holder_unfit_for(0)(taker, host.group)), true)
end)

test("holder_unfit_for: a fit or unknown holder is not given up", function()
    local host, holder, taker = pair { fit = true, fit_for = 900 }
    local guard = host.require "guards".holder_unfit_for(0)
    equal({ guard(taker, host.group) }, { false, "server01 holds the baton and is fit" })
    holder.fit, holder.fit_why = nil, "share is unknown"
    local holds, why, again = guard(taker, host.group)
    equal(holds, false)
    equal(why, "can't say whether server01 is fit: share is unknown")
    equal(again, nil)
    equal((guard(holder, host.group)), false)
end)

test("holder_unfit_for: a time that is none is refused when the policy is loaded", function()
    local guards = minihost.new {}.require "guards"
    refuses(function() guards.holder_unfit_for("soon") end, "a number of seconds of at least 0 is wanted, not soon")
    refuses(function() guards.preferred_fit_for(-1) end, "preferred_fit_for")
end)

test("preferred_fit_for: needs preference, fitness and a time of both", function()
    local host, holder, node = pair({ priority = 2 }, { priority = 1, fit_for = 900, state_for = 500 })
    local guard = host.require "guards".preferred_fit_for(600)
    equal({ guard(node, host.group) }, { false, "server02 fit for 500 s of 600 s", 100 })
    node.state_for = 700
    equal((guard(node, host.group)), true)
    node.fit, node.fit_why = false, "imap failed"
    equal({ guard(node, host.group) }, { false, "server02 is not fit: imap failed" })
    holder.priority = 1
    says(select(2, guard(node, host.group)), "not preferred over server01")
    host.group.holder = nil
    equal((guard(node, host.group)), false)
end)

local function constant(holds, why, again)
    return function() return holds, why, again end
end

test("all: the first reason for it, every reason against it, and wakes when the last one clears", function()
    local guards = minihost.new {}.require "guards"
    local all = guards.all(constant(true, "a"), constant(false, "b", 3), constant(false, "c", 5))
    equal({ all() }, { false, "b; c", 5 })
    equal({ guards.all(constant(false, "b", 3), constant(false, "c"))() }, { false, "b; c" })
    equal({ guards.all(constant(true, "a"), constant(true, "b"))() }, { true, "a" })
end)

test("all: a no without a reason is a no", function()
    local guards = minihost.new {}.require "guards"
    equal((guards.all(constant(true, "a"), constant(false))()), false)
    equal({ guards.all(constant(false), constant(false, "b"))() }, { false, "b" })
    equal({ guards.all(constant(false, "b"), constant(false))() }, { false, "b" })
end)

test("any: the reasons of those that hold; wakes when the first one may", function()
    local guards = minihost.new {}.require "guards"
    equal({ guards.any(constant(true, "a"), constant(false, "b"))() }, { true, "a" })
    equal({ guards.any(constant(false, "a", 9), constant(false, "b", 4), constant(false, "c"))() },
        { false, "a; b; c", 4 })
    equal({ guards.negate(constant(true, "it rains", 7))() }, { false, "it rains", 7 })
end)

test("within_hours: inside, outside, past midnight, by day, with an offset", function()
    local host = minihost.new {}
    local guards = host.require "guards"
    local hour = 3600
    host.wall = 23 * hour -- Thursday, 1970-01-01
    local night = guards.within_hours { from = "22:00", to = "04:00" }
    equal({ night() }, { true, "it is within 22:00 to 04:00", 5 * hour })
    host.wall = 26 * hour
    equal((night()), true)
    host.wall = 28 * hour
    equal({ night() }, { false, "it is not within 22:00 to 04:00", 18 * hour })
    local saturday = guards.within_hours { from = "22:00", to = "04:00", days = { "sat" } }
    host.wall = 26 * hour
    equal({ saturday() }, { false, "it is not within 22:00 to 04:00 on sat", 44 * hour })
    host.wall = (3 * 24 + 1) * hour -- Sunday at 1: still Saturday's window
    equal((saturday()), true)
    host.wall = 21 * hour
    equal((guards.within_hours { from = "22:00", to = "23:00", utc_offset = 1.5 }()), true)
    refuses(function() guards.within_hours { from = "25:00", to = "1:00" } end, "from is a time of day")
    refuses(function() guards.within_hours { from = "1:00", to = "2:00", days = { "someday" } } end, "no day someday")
end)

test("not_flapping: counts recent moves only, and says when one falls out", function()
    local host = minihost.new { group = { moves = { 4000, 900, 10 } } }
    local guards = host.require "guards"
    equal((guards.not_flapping { moves = 3, within = 3600 }(nil, host.group)), true)
    equal({ guards.not_flapping { moves = 2, within = 3600 }(nil, host.group) },
        { false, "flapping: 2 moves within 3600 s, 2 are allowed", 2700 })
end)

test("grace: no second move too soon", function()
    local host = minihost.new { group = { moves = { 400, 20 } } }
    local guards = host.require "guards"
    equal({ guards.grace(60)(nil, host.group) }, { false, "the last move is 20 s of 60 s ago", 40 })
    equal((guards.grace(20)(nil, host.group)), true)
    host.group.moves = {}
    equal((guards.grace(60)(nil, host.group)), true)
end)

test("damped: the penalty fades, and clears when it says", function()
    local host = minihost.new { group = { moves = { 0, 0, 0 } } }
    local guard = host.require "damping".damped { limit = 2, half_life = 900 }
    local holds, why, again = guard(nil, host.group)
    equal(holds, false)
    equal(why, "damped: penalty 3.00 of 2.00")
    local function later(s) host.group.moves = { s, s, s } end
    later(again - 1)
    equal((guard(nil, host.group)), false)
    later(again)
    equal((guard(nil, host.group)), true)
end)

test("hysteresis: between the thresholds the last verdict stays", function()
    local host = minihost.new {}
    local steady = host.require "damping".hysteresis { probe = "clock", better = 1, worse = 2 }
    local function at(value, fit)
        return (steady(host.node("n", { fit = fit, clock = observed("ok", { value = value }) })))
    end
    equal({ at(-2.5, true), at(1.5, true), at(1.5, false), at(-0.5, false) }, { false, true, false, true })
end)

test("isolation: any answer counts, a refusal too; silence of all does not", function()
    local silent = { ping = true, ["192.0.2.7"] = true }
    local host = minihost.new {
        group = { gateway = "10.9.0.254", witnesses = { "192.0.2.7:53" } },
        answer = function(request)
            if silent[request.host or request.command[1]] then
                return { code = 1, detail = "no answer" }
            end
            return request.host and { code = 1, detail = "connection refused" }
        end,
    }
    local look = host.require "isolation".look
    equal({ look(0.8) }, { false, "no answer from gateway 10.9.0.254, witness 192.0.2.7:53" })
    equal(host.requests[1].command, { "ping", "-n", "-q", "-c", "1", "-W", "0.80", "10.9.0.254" })
    equal(host.requests[1].asks, "gateway.up")
    equal({ host.requests[2].host, host.requests[2].port }, { "192.0.2.7", 53 })
    silent["192.0.2.7"] = nil
    equal({ look(0.8) }, { true, "heard from witness 192.0.2.7:53" })
    host.group.witnesses = { "[2001:db8::7]:53" }
    look(0.8)
    equal(host.requests[#host.requests].host, "2001:db8::7")
    host.group.gateway, host.group.witnesses = nil, {}
    equal((look(0.8)), true)
end)

test("not_isolated: blocks while the probe has failed where it is made", function()
    local host, holder, taker = pair({ uplink = observed("failed", { detail = "no answer from gateway 10.9.0.254" }) },
        { uplink = observed "resting" })
    local guard = host.require "guards".not_isolated "uplink"
    equal({ guard(taker, host.group) },
        { false, "the controller may be the one that is cut off: no answer from gateway 10.9.0.254" })
    holder.uplink = observed "unknown"
    equal((guard(taker, host.group)), true)
end)

test("not_isolated: what was seen while it was cut off does not count", function()
    local host, holder, taker = pair({ uplink = observed("ok", { since_for = 2 }),
        smtp = observed("failed", { seen_for = 1.5, latency = 1 }) }, { uplink = observed "resting" })
    local guard = host.require "guards".not_isolated "uplink"
    equal({ guard(taker, host.group) },
        { false, "the controller was cut off until 2 s ago: waiting for a fresh look by smtp" })
    holder.smtp = observed("failed", { seen_for = 0.5, latency = 1, last = "ok" })
    equal((guard(taker, host.group)), false)
    holder.smtp = observed("failed", { seen_for = 0.5, latency = 1 })
    equal((guard(taker, host.group)), true)
    holder.smtp = observed "ok" -- unfit for another reason
    equal((guard(taker, host.group)), true)
end)

test("better_place: a fault of the shared thing waits for a fresh look from the taker", function()
    local host, holder, taker = pair({ smtp = observed "ok", share = observed("failed", { since_for = 2 }) },
        { smtp = observed "ok", share = observed("ok", { seen_for = 8 }) })
    local guard = host.require "guards".better_place { shared = { "share" }, own = { "smtp" } }
    equal({ guard(taker, host.group) }, { false, "share failed on server01: waiting for a fresh look from server02" })
    taker.share = observed("ok", { seen_for = 1, last = "failed" })
    equal((guard(taker, host.group)), false)
    taker.share = observed("ok", { seen_for = 1 })
    equal((guard(taker, host.group)), true)
    taker.share = observed "failed"
    equal({ guard(taker, host.group) }, { false, "share failed on server02 too: there is no better place" })
    holder.smtp = observed "failed"
    equal({ guard(taker, host.group) }, { true, "smtp failed on server01 itself" })
end)

test("fitness.needs: names all that failed; unknown hides nothing", function()
    local host = minihost.new {}
    local fit = host.require "fitness".needs { "share", "smtp", shared = { "share" }, tolerated = { "clock" } }
    local node = host.node("server01", { share = observed("unknown", { run = 4 }), clock = observed "ok",
        smtp = observed("failed", { run = 3, detail = "connection refused" }) })
    equal({ fit(node) }, { false, "smtp failed 3 times: connection refused" })
    node.smtp = observed "ok"
    equal((fit(node)), nil)
    says(select(2, fit(node)), "share is unknown 4 times: fine")
    node.share = observed "ok"
    equal((fit(node)), true)
end)

test("fitness.needs: the share failed on all nodes, and there is no better place", function()
    local host = minihost.new {}
    local fit = host.require "fitness".needs { "share", shared = { "share" } }
    local first = host.node("server01", { share = observed("failed", { run = 3, detail = "stale handle" }) })
    local second = host.node("server02", { share = observed "ok" })
    equal({ fit(first) }, { false, "share failed 3 times: stale handle" })
    second.share = observed "failed"
    says(select(2, fit(first)), "share failed on all nodes: there is no better place")
end)

test("fitness.needs: a clock that is unknown, or wrong everywhere, is nothing against a node", function()
    local host = minihost.new {}
    local fit = host.require "fitness".needs { "smtp", tolerated = { "clock" } }
    local first = host.node("server01", { smtp = observed "ok", clock = observed "unknown" })
    local second = host.node("server02", { smtp = observed "ok", clock = observed "ok" })
    equal((fit(first)), true)
    first.clock = observed("failed", { detail = "7 s ahead" })
    equal({ fit(first) }, { false, "clock failed 5 times: 7 s ahead" })
    second.clock = observed "failed"
    equal((fit(first)), true)
end)

minihost.finish()
