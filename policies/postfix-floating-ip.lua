--- For: two (or more) Linux servers with Postfix and Dovecot, the mail in one shared Maildir
--- tree (NFS, SMB …), clients on a floating address. Nodes are entered by ssh as root, or as
--- a user that may use sudo (set sudo="true").
---
--- Hot standby, the default: Postfix and Dovecot run on every server all the time, and only
--- the floating address moves. Cold standby: they run where the address is and nowhere else.
---
--- To change: put <set name="…" value="…"/> into the group. What there is, with its default,
--- is the table below. The floating address, interface, share, gateway and witnesses are
--- attributes of the group. The defaults suit production: a dead mail service is restarted
--- in place once; what that does not cure moves about 6 s after it began, and moves back
--- after ten quiet minutes. every=0.2 fall=2 restarts=0 moves in well under a second.
---
--- To try: tell a story of faults, and play it with `baton simulate`; see baton-policy(7).

local dovecot     = require "dovecot"
local fitness     = require "fitness"
local floating_ip = require "floating_ip"
local guards      = require "guards"
local isolation   = require "isolation"
local postfix     = require "postfix"
local remedies    = require "remedies"
local service     = require "service"
local settings    = require "settings"

local set = settings.read {
    standby          = settings.choice { "hot", "cold" },
    sudo             = false, -- nodes are entered by a user that needs it

    -- How often and how patiently to look (seconds; fall and rise: times in a row).
    every            = settings.number(2, 0.05),
    timeout          = settings.number(1, 0.05),
    fall             = settings.number(3, 1),
    rise             = settings.number(2, 1),
    share_every      = settings.number(10, 0.05),
    clock_every      = settings.number(60, 0.05),
    max_skew         = settings.number(2, 0), -- of the clocks

    -- When to act (seconds).
    restarts         = settings.number(1, 0), -- in place, before the holder is given up
    restarts_within  = settings.number(600, 1),
    restart_deadline = settings.number(15, 0.1),
    fail_after       = settings.number(0, 0), -- the holder unfit for so long
    failback         = true,
    failback_after   = settings.number(600, 0), -- the preferred server fit for so long
    max_moves        = settings.number(3, 1),
    window           = settings.number(3600, 1),
    settle           = settings.number(10, 0),
    deadline         = settings.number(10, 0.1), -- for one step of a move
    look_deadline    = settings.number(5, 0.1),
    start_attempts   = settings.number(3, 1), -- a start that fails, before it is undone
    unconfirmed      = settings.choice { "hold", "fence" }, -- a holder that can't be seen out

    -- Where things are on the servers.
    smtp_port        = settings.number(25, 1, 65535),
    imap_port        = settings.number(143, 1, 65535),
    ssh_port         = settings.number(22, 1, 65535),
    share_mounted    = true, -- false: the share is a directory in a mounted file system
    postfix_config   = settings.optional "string", -- a directory: `postfix -c` instead of systemd
    dovecot_config   = settings.optional "string", -- a file: `dovecot -c` instead of systemd
}

local cold = set.standby == "cold"
local mail_on = cold and "holder" or "all"

local smtp_service = postfix.instance {
    config = set.postfix_config,
    unit = not set.postfix_config and "postfix.service" or nil,
    deadline = set.restart_deadline,
    attempts = set.start_attempts,
}
local imap_service = dovecot.instance {
    config = set.dovecot_config,
    unit = not set.dovecot_config and "dovecot.service" or nil,
    deadline = set.restart_deadline,
    attempts = set.start_attempts,
}

-- What is observed. -------------------------------------------------------------------

local function often(spec)
    spec.every, spec.timeout, spec.fall, spec.rise = set.every, set.timeout, set.fall, set.rise
    return spec
end

local probes = {
    smtp   = probe.smtp(often { port = set.smtp_port, on = mail_on }),
    imap   = probe.imap(often { port = set.imap_port, on = mail_on }),
    ssh    = probe.tcp(often { port = set.ssh_port, expect = "SSH-" }),
    uplink = isolation.probe { every = set.every, timeout = set.timeout },
    clock  = probe.clock { max_skew = set.max_skew, every = set.clock_every, timeout = 5 },
}
local needs = { "smtp", "imap" }
if group.share then
    probes.share = probe.share { every = set.share_every, timeout = 5, mounted = set.share_mounted }
    needs[#needs + 1] = "share"
end
local tolerated = { "clock" }
if cold then
    -- In hot standby a lost address is seen by `serving` below, which here says yes while any part
    -- is there. Unknown, where ssh is down, it is nothing against a server.
    probes.floating = floating_ip.probe {
        every = set.every, timeout = set.look_deadline, fall = set.fall, rise = set.rise,
    }
    tolerated[2] = "floating"
end

-- Guard: is a node fit, is it time to move? ---------------------------------------------

-- A server that serves well is not unfit because ssh is down; but nothing can be started on
-- one that can't be reached. What fails on all servers alike is nothing against one of them.
local shared = { "share" }
local serves_well = fitness.needs { shared = shared, tolerated = tolerated, table.unpack(needs) }
local could_serve = fitness.needs { shared = shared, tolerated = tolerated, "ssh", table.unpack(needs) }

local function fit(node)
    return (node.holds and serves_well or could_serve)(node)
end

local better_place = guards.better_place {
    shared = group.share and { "share", "clock" } or { "clock" }, own = { "smtp", "imap" },
}

local transitions = {
    { from = "Standby", to = "FailingOver",
      when = guards.all(guards.holder_unfit_for(set.fail_after), better_place, isolation.not_isolated "uplink") },
}
if set.failback then
    transitions[2] = { from = "Standby", to = "FailingBack",
        when = guards.all(guards.preferred_fit_for(set.failback_after), isolation.not_isolated "uplink") }
end

-- Act. ------------------------------------------------------------------------------------

local function restart(on, attempts, within)
    return remedies.restart {
        services = { smtp = smtp_service, imap = imap_service },
        on = on, attempts = attempts, within = within, deadline = set.restart_deadline,
    }
end

local repairs = {}
if set.restarts > 0 then
    repairs[#repairs + 1] = restart("holder", set.restarts, set.restarts_within)
end
if not cold then
    repairs[#repairs + 1] = restart("any", 1, 60) -- a standby that is down is no standby: once a minute
else
    repairs[#repairs + 1] = remedies.put_address_back { probe = "floating", within = set.restarts_within,
        deadline = set.deadline }
end

local remove = floating_ip.remove { deadline = set.deadline }
local add = floating_ip.add { deadline = set.deadline, attempts = set.start_attempts }
local stop, start = { remove }, { add }
local parts = { function(node) return floating_ip.look(node) end }
if cold then
    stop = { remove, smtp_service.stop, imap_service.stop }
    start = { imap_service.start, smtp_service.start, add }
    parts = { parts[1], smtp_service.look, imap_service.look }
end

-- Verdict: does it serve, as the clients see it? --------------------------------------------

-- Asked soon again: the first time the neighbours may not have heard of the move yet.
local seen_by_clients = probe.smtp {
    name = "smtp on the floating address", port = set.smtp_port, via = "floating", timeout = set.timeout,
    attempts = 20, retry = 0.1,
}

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
    verify      = { seen_by_clients },

    unconfirmed   = set.unconfirmed,
    max_moves     = set.max_moves,
    window        = set.window,
    settle        = set.settle,
    look_deadline = set.look_deadline,
}
