--- For: any service on Linux servers that must run on exactly one of them: a database, a
--- licence server, a daemon of your own. It is started and stopped with each move, and a
--- floating address (optional: floating= and interface= of the group) goes with it.
---
--- To change: put <set name="…" value="…"/> into the group. Say what the service is by
--- one of
---   unit="postgresql.service"                    a systemd unit
---   init="mydaemon"                              a script of /etc/init.d
---   start_command= stop_command= status_command= your own, lines for /bin/sh; the status
---                                                ends with 0 if it runs, 3 if it does not
--- and where it listens by port=. All else has a default, in the table below.
---
--- To try: tell a story of faults, and play it with `baton simulate`; see baton-policy(7).

local fitness     = require "fitness"
local floating_ip = require "floating_ip"
local guards      = require "guards"
local isolation   = require "isolation"
local remedies    = require "remedies"
local remote      = require "remote"
local service     = require "service"
local settings    = require "settings"

local set = settings.read {
    -- What the service is.
    unit            = settings.optional "string",
    init            = settings.optional "string",
    start_command   = settings.optional "string",
    stop_command    = settings.optional "string",
    status_command  = settings.optional "string",
    sudo            = false, -- nodes are entered by a user that needs it

    -- How it is asked whether it is well. Without a port: whether it runs.
    port            = settings.optional "number",
    expect          = settings.optional "string", -- what the first line must start with
    ssh_port        = settings.number(22, 1, 65535),

    -- How often and how patiently to look (seconds; fall and rise: times in a row).
    every           = settings.number(2, 0.05),
    timeout         = settings.number(1, 0.05),
    fall            = settings.number(3, 1),
    rise            = settings.number(2, 1),
    share_every     = settings.number(10, 0.05),
    share_mounted   = true, -- false: the share is a directory in a mounted file system

    -- When to act (seconds).
    restarts        = settings.number(1, 0), -- in place, before the holder is given up
    restarts_within = settings.number(600, 1),
    fail_after      = settings.number(0, 0), -- the holder unfit for so long
    failback        = true,
    failback_after  = settings.number(600, 0), -- the preferred server fit for so long
    max_moves       = settings.number(3, 1),
    window          = settings.number(3600, 1),
    settle          = settings.number(10, 0),
    deadline        = settings.number(30, 0.1), -- for one step of a move
    look_deadline   = settings.number(5, 0.1),
    start_attempts  = settings.number(3, 1), -- a start that fails, before it is undone
    unconfirmed     = settings.choice { "hold", "fence" }, -- a holder that can't be seen out
}

local function own_commands()
    local function line(name)
        local text = set[name .. "_command"]
        if not text then
            error(("set name=%q is missing: without unit= or init= the service needs start_command,"
                .. " stop_command and status_command"):format(name .. "_command"), 0)
        end
        return { "sh", "-c", text }
    end
    return service.commands {
        name = group.name, start = remote.detached(line "start"), stop = remote.as_root(line "stop"),
        status = remote.as_root(line "status"),
        stopped = { [3] = true }, deadline = set.deadline, attempts = set.start_attempts,
    }
end

local function the_service()
    if set.unit then
        return service.systemd(set.unit, { deadline = set.deadline, attempts = set.start_attempts })
    elseif set.init then
        return service.sysv(set.init, { deadline = set.deadline, attempts = set.start_attempts })
    end
    return own_commands()
end

local workload = the_service()

-- What is observed. -------------------------------------------------------------------

local function often(spec)
    spec.every, spec.timeout, spec.fall, spec.rise = set.every, set.timeout, set.fall, set.rise
    return spec
end

local function asked_if_it_runs()
    return probe.custom { every = set.every, timeout = set.look_deadline, fall = set.fall, rise = set.rise,
        on = "holder", pure = true, run = workload.look }
end

local probes = {
    service = set.port and probe.tcp(often { port = set.port, expect = set.expect, on = "holder" })
        or asked_if_it_runs(),
    ssh     = probe.tcp(often { port = set.ssh_port, expect = "SSH-" }),
    uplink  = isolation.probe { every = set.every, timeout = set.timeout },
}
local needs, tolerated = { "service" }, {}
if group.floating then
    -- `serving` says yes while either of address and service is there; this tells of a lost address.
    probes.floating = floating_ip.probe {
        every = set.every, timeout = set.look_deadline, fall = set.fall, rise = set.rise,
    }
    tolerated[1] = "floating" -- unknown, where ssh is down, it is nothing against a server
end
if group.share then
    probes.share = probe.share { every = set.share_every, timeout = 5, mounted = set.share_mounted }
    needs[#needs + 1] = "share"
end

-- Guard: is a node fit, is it time to move? ---------------------------------------------

-- With a port the service itself says whether it is well, whatever ssh says. Without one ssh is
-- the only eye: a holder that it can't reach any more is given up, never taken for well.
local could_serve = fitness.needs { shared = { "share" }, tolerated = tolerated, "ssh", table.unpack(needs) }
local serves_well = set.port and fitness.needs { shared = { "share" }, tolerated = tolerated, table.unpack(needs) }
    or could_serve

local function fit(node)
    return (node.holds and serves_well or could_serve)(node)
end

local failover = { guards.holder_unfit_for(set.fail_after), isolation.not_isolated "uplink" }
if group.share then
    failover[#failover + 1] = guards.better_place { shared = { "share" }, own = { "service" } }
end
local transitions = {
    { from = "Standby", to = "FailingOver", when = guards.all(table.unpack(failover)) },
}
if set.failback then
    transitions[2] = { from = "Standby", to = "FailingBack",
        when = guards.all(guards.preferred_fit_for(set.failback_after), isolation.not_isolated "uplink") }
end

-- Act. ------------------------------------------------------------------------------------

local repairs = {}
if set.restarts > 0 then
    repairs[1] = remedies.restart {
        services = { service = workload }, attempts = set.restarts,
        within = set.restarts_within, deadline = set.deadline,
    }
end

if group.floating then
    repairs[#repairs + 1] = remedies.put_address_back { probe = "floating", within = set.restarts_within,
        deadline = set.deadline }
end

local stop, start, parts, verify = { workload.stop }, { workload.start }, { workload.look }, {}
if group.floating then
    local deadline = math.min(set.deadline, 10)
    stop  = { floating_ip.remove { deadline = deadline }, workload.stop }
    start = { workload.start, floating_ip.add { deadline = deadline, attempts = set.start_attempts } }
    parts = { function(node) return floating_ip.look(node) end, workload.look }
    if set.port then
        verify[1] = probe.tcp { name = "service on the floating address", port = set.port, expect = set.expect,
            via = "floating", timeout = set.timeout, attempts = 20, retry = 0.1 }
    end
end

-- Verdict. ----------------------------------------------------------------------------------

return policy {
    probes      = probes,
    serving     = probe.custom { every = set.every, timeout = set.look_deadline, pure = true,
                                 run = service.any_of(parts) },
    fit         = fit,
    remedies    = repairs,
    transitions = transitions,

    stop        = stop,
    start       = start,
    fence       = { hook "fence" },
    verify      = verify,

    unconfirmed   = set.unconfirmed,
    max_moves     = set.max_moves,
    window        = set.window,
    settle        = set.settle,
    look_deadline = set.look_deadline,
}
