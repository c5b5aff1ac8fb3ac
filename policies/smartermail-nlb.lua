--- For: SmarterMail on two (or more) Windows servers behind a Network Load Balancing cluster, its
--- mail and system files on an SMB share, as "Configuring SmarterMail for Failover" sets it up.
--- Nodes are entered by <winrm>; nothing is installed on them.
---
--- SmarterMail runs where the baton is and nowhere else: one node of the cluster is started at a
--- time, and with it the service and the application pool. The steps are those of the document's
--- four scripts, in their order; each waits until it sees what it wants.
---
--- To change: put <set name="…" value="…"/> into the group. What there is, with its default, is the
--- table below. The cluster's address, the share, gateway and witnesses are attributes of the group.
--- On every server the initial host state of the NLB node must be Stopped, the port rules Single
--- Host, and the service MailService must not start by itself.
---
--- To try: tell a story of faults, and play it with `baton simulate`; see baton-policy(7).

local fence       = require "fence"
local fitness     = require "fitness"
local guards      = require "guards"
local isolation   = require "isolation"
local nlb         = require "nlb"
local remedies    = require "remedies"
local service     = require "service"
local settings    = require "settings"
local smartermail = require "smartermail"

local set = settings.read {
    -- What the servers call things.
    interface        = "WAN",         -- of the cluster: Get-NlbClusterNodeNetworkInterface
    service          = "MailService",
    pool             = "SmarterMail", -- "": web mail is no IIS site
    order            = settings.choice { "nlb-first", "service-first" }, -- of a start and a stop

    -- How often and how patiently to look (seconds; fall and rise: times in a row).
    every            = settings.number(5, 0.05),
    timeout          = settings.number(3, 0.05),
    fall             = settings.number(3, 1),
    rise             = settings.number(2, 1),
    share_every      = settings.number(30, 0.05),
    clock_every      = settings.number(60, 0.05),
    max_skew         = settings.number(2, 0), -- of the clocks

    -- Where the service listens; 0: not asked.
    smtp_port        = settings.number(25, 0, 65535),
    submission_port  = settings.number(587, 0, 65535),
    imap_port        = settings.number(143, 0, 65535),
    pop3_port        = settings.number(110, 0, 65535),
    web_port         = settings.number(80, 0, 65535),
    web_path         = "/",
    winrm_port       = settings.number(5986, 1, 65535),

    -- SmarterMail's own API; only where all three are set. api_url is https.
    api_url          = settings.optional "string",
    api_user         = settings.optional "string",
    api_secret       = settings.optional "string", -- name of the <secret> with the password

    -- When to act (seconds).
    restarts         = settings.number(1, 0), -- in place, before the holder is given up
    restarts_within  = settings.number(600, 1),
    fail_after       = settings.number(0, 0), -- the holder unfit for so long
    failback         = true,
    failback_after   = settings.number(600, 0), -- the preferred server fit for so long
    max_moves        = settings.number(3, 1),
    window           = settings.number(3600, 1),
    settle           = settings.number(15, 0),
    deadline         = settings.number(60, 0.1), -- for a start or stop of the service
    nlb_deadline     = settings.number(30, 0.1), -- … of the NLB node
    look_deadline    = settings.number(10, 0.1),
    drain            = settings.number(0, 0), -- minutes for connections to end before a stop
    start_attempts   = settings.number(3, 1), -- a start that fails, before it is undone
    unconfirmed      = settings.choice { "hold", "fence" }, -- a holder that can't be seen out
}

local cluster = nlb.node { interface = set.interface, deadline = set.nlb_deadline, attempts = set.start_attempts,
    drain = set.drain }
local parts = smartermail.on_windows { service = set.service, pool = set.pool, deadline = set.deadline,
    attempts = set.start_attempts }

-- What is observed. -------------------------------------------------------------------------

local function often(spec)
    spec.every, spec.timeout, spec.fall, spec.rise = set.every, set.timeout, set.fall, set.rise
    return spec
end

-- The service listens on the cluster's address and on no other.
local function served(spec)
    spec.on, spec.via = "holder", group.floating and "floating" or "node"
    return often(spec)
end

local probes = {
    winrm  = probe.tcp(often { port = set.winrm_port }),
    uplink = isolation.probe { every = set.every, timeout = set.timeout },
    clock  = probe.clock { max_skew = set.max_skew, every = set.clock_every, timeout = set.look_deadline },
    nlb    = nlb.probe { interface = set.interface, every = set.every, timeout = set.look_deadline, fall = set.fall,
                         rise = set.rise },
}
local needs, tolerated = {}, { "clock", "nlb" }

local function ask_for(name, kind, port, more)
    if port > 0 then
        local spec = served { port = port }
        for key, value in pairs(more or {}) do
            spec[key] = value
        end
        probes[name] = probe[kind](spec)
        needs[#needs + 1] = name
    end
end
ask_for("smtp", "smtp", set.smtp_port)
ask_for("submission", "smtp", set.submission_port)
ask_for("imap", "imap", set.imap_port)
ask_for("pop3", "pop3", set.pop3_port)
ask_for("web", "http", set.web_port, { path = set.web_path })
if group.share then
    probes.share = probe.share { every = set.share_every, timeout = set.look_deadline }
    needs[#needs + 1] = "share"
end
if set.api_url and set.api_user and set.api_secret then
    probes.api = smartermail.api_probe { url = set.api_url, user = set.api_user, secret = set.api_secret }
    tolerated[#tolerated + 1] = "api"
end

-- Guard: is a node fit, is it time to move? ---------------------------------------------------

-- What fails on all servers alike is nothing against one of them; one that can't be reached can't
-- be told to start anything.
local shared = { "share" }
local serves_well = fitness.needs { shared = shared, tolerated = tolerated, table.unpack(needs) }
local could_serve = fitness.needs { shared = shared, tolerated = tolerated, "winrm", table.unpack(needs) }

local function fit(node)
    return (node.holds and serves_well or could_serve)(node)
end

local own = {}
for _, name in ipairs(needs) do
    own[#own + 1] = name ~= "share" and name or nil
end
local better_place = guards.better_place { shared = group.share and { "share", "clock" } or { "clock" }, own = own }

local transitions = {
    { from = "Standby", to = "FailingOver",
      when = guards.all(guards.holder_unfit_for(set.fail_after), better_place, isolation.not_isolated "uplink") },
}
if set.failback then
    transitions[2] = { from = "Standby", to = "FailingBack",
        when = guards.all(guards.preferred_fit_for(set.failback_after), isolation.not_isolated "uplink") }
end

-- Act. ------------------------------------------------------------------------------------------

local repairs = {}
if set.restarts > 0 then
    local services = {}
    for _, name in ipairs(own) do
        services[name] = name == "web" and parts.web or parts.mail
    end
    repairs[1] = remedies.restart { services = services, on = "holder", reach = "winrm", attempts = set.restarts,
        within = set.restarts_within, deadline = set.deadline }
end

-- A node of the cluster that was stopped by hand, or by a move that was called off.
table.insert(repairs, 1, remedies.put_address_back { probe = "nlb", put = cluster.start_on,
    within = set.restarts_within, deadline = set.nlb_deadline })

-- The document's scripts: NLB node, pool, service to stop; NLB node, service, pool to start.
local stop, start = { cluster.stop }, { cluster.start }
if parts.web then
    stop = { cluster.stop, parts.web.stop, parts.mail.stop }
    start = { cluster.start, parts.mail.start, parts.web.start }
else
    stop[2], start[2] = parts.mail.stop, parts.mail.start
end
if set.order == "service-first" then
    -- The address comes when all behind it runs.
    table.remove(start, 1)
    start[#start + 1] = cluster.start
end

local looks = { cluster.look, parts.mail.look }

-- Verdict: does it serve, as the clients see it? --------------------------------------------------

-- Asked soon again: the cluster converges, and a mail server takes its time to come up.
local seen_by_clients = probe.smtp {
    name = "smtp on the floating address", port = set.smtp_port > 0 and set.smtp_port or 25,
    via = group.floating and "floating" or "node", timeout = set.timeout, attempts = 30, retry = 1,
}

return policy {
    probes      = probes,
    serving     = probe.custom { every = set.every, timeout = set.look_deadline, pure = true,
                                 run = service.any_of(looks) },
    fit         = fit,
    remedies    = repairs,
    transitions = transitions,

    stop        = stop,
    start       = start,
    fence       = { fence.nlb { interface = set.interface, deadline = set.nlb_deadline }, hook "fence" },
    verify      = { seen_by_clients },

    unconfirmed   = set.unconfirmed,
    max_moves     = set.max_moves,
    window        = set.window,
    settle        = set.settle,
    look_deadline = set.look_deadline,
}
