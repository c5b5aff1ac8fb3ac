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
local smartermail_checks = require "smartermail_checks"
local smartermail_setup = require "smartermail_setup"

local set = settings.read {
    -- What the servers call things.
    interface        = "WAN",         -- of the cluster: Get-NlbClusterNodeNetworkInterface
    service          = "MailService",
    pool             = "SmarterMail", -- "": web mail is no IIS site
    service_folder   = -- of system files, before they came onto the share
        settings.path "C:\\Program Files (x86)\\SmarterTools\\SmarterMail\\Service",
    mail_folder      = settings.path "C:\\SmarterMail", -- before it came onto the share
    old_paths        = settings.paths(), -- further prefixes that became the share, with commas between
    failover_file    = settings.path(), -- failoverConfig.xml in the service folder
    order            = settings.choice { "nlb-first", "service-first" }, -- of a start and a stop

    -- How often and how patiently to look (seconds; fall and rise: times in a row).
    every            = settings.number(5, 0.05),
    timeout          = settings.number(3, 0.05),
    fall             = settings.number(3, 1),
    rise             = settings.number(2, 1),
    parts_every      = settings.number(15, 0.05), -- NLB node, service, pool: each look starts a PowerShell
    share_every      = settings.number(30, 0), -- 0: not asked, where sessions may not reach the share
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

    -- SmarterMail's own API (version 17 and newer); only where url, user and secret are set.
    api_url          = settings.optional "string", -- https, because a password is sent
    api_user         = settings.optional "string", -- a system administrator
    api_secret       = settings.optional "string", -- name of the <secret> with the password
    api_ca_file      = settings.optional "string", -- instead of the system's
    api_services     = settings.optional "string", -- that must run, by the API's names: "smtp, imap"
    api_every        = settings.number(30, 1),
    spool_growth     = settings.number(500, 0), -- messages more within spool_over: an alert. 0: none
    spool_over       = settings.number(900, 1),
    licence_days     = settings.number(14, 0), -- fewer are left: an alert. 0: none
    licence_every    = settings.number(21600, 1),
    licence_until    = settings.optional "string", -- "2027-06-30", where no API says it

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

    -- For baton init and baton migrate.
    grant            = settings.optional "string", -- who may write the shared Service folder: "DOM\\mail$, …"
    copy_deadline    = settings.number(172800, 1), -- for one pass of a copy
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

-- What a look at the server itself says of one of its parts.
local function looked_at(look)
    return probe.custom { every = set.parts_every, timeout = set.look_deadline, fall = set.fall, rise = 1,
        on = "holder", pure = true, run = look }
end

local probes = {
    winrm   = probe.tcp(often { port = set.winrm_port }),
    uplink  = isolation.probe { every = set.every, timeout = set.timeout },
    clock   = probe.clock { max_skew = set.max_skew, every = set.clock_every, timeout = set.look_deadline },
    nlb     = looked_at(cluster.look),
    service = looked_at(parts.mail.look),
    pool    = parts.web and looked_at(parts.web.look) or nil,
}
-- Unknown, where the server can't be asked, they are nothing against it.
local needs, own, tolerated = {}, { "service" }, { "clock", "nlb", "service" }
if parts.web then
    own[2], tolerated[4] = "pool", "pool"
end

-- The service listens on the cluster's address and on no other.
local clients, names = smartermail.client_probes(set)
for _, name in ipairs(names) do
    probes[name] = clients[name]
    needs[#needs + 1], own[#own + 1] = name, name
end
if group.share and set.share_every > 0 then
    probes.share = probe.share { every = set.share_every, timeout = set.look_deadline }
    needs[#needs + 1] = "share"
end
-- A spool that grows and a licence that ends move nothing: the next server has the same.
for name, made in pairs(smartermail.api_probes(set)) do
    probes[name] = made
end
if probes.api then
    tolerated[#tolerated + 1], own[#own + 1] = "api", "api"
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

local better_place = guards.better_place { shared = probes.share and { "share", "clock" } or { "clock" }, own = own }

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
        local of_pool = (name == "web" or name == "pool") and parts.web
        services[name] = of_pool or parts.mail
    end
    -- It is done when the slowest probe that had failed is ok again.
    local patience = math.max(set.deadline, set.parts_every + 5, probes.api and set.api_every + 5 or 0)
    repairs[1] = remedies.restart { services = services, on = "holder", reach = "winrm", attempts = set.restarts,
        within = set.restarts_within, deadline = patience }
end

-- A node of the cluster that was stopped by hand, or by a move that was called off.
table.insert(repairs, 1, remedies.put_address_back { probe = "nlb", put = cluster.start_on,
    within = set.restarts_within, deadline = math.max(set.nlb_deadline, set.parts_every + 5) })

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

-- A pool without the service serves nobody, and IIS starts it with the server.
local looks = { cluster.look, parts.mail.look }

-- With unconfirmed="fence". The first level takes the clients away; the service there goes on until the
-- server is reached again and stopped. Where two on one share are worse than none, switch the power
-- off instead, by the hook or by fence.ipmi.
local levels = { fence.nlb { interface = set.interface, deadline = set.nlb_deadline }, hook "fence" }

-- Check: what the document wants to be so, and what its page of servers shows. ----------------------

local failover_file = set.failover_file or set.service_folder .. "\\failoverConfig.xml"
local old_paths = { set.mail_folder, table.unpack(set.old_paths) }
local to_check = {
    mail = parts.mail, web = parts.web, cluster = cluster, interface = set.interface, service = set.service,
    failover_file = failover_file,
    old_paths = old_paths, ports = smartermail.mail_ports(set),
    licence_days = set.licence_days, licence_until = set.licence_until, api = set, apart = set.share_every == 0,
}

-- Set-up: a fresh installation, or one that is there, onto the share. ------------------------------

local steps = smartermail_setup.steps {
    start = parts.web and { cluster, parts.mail, parts.web } or { cluster, parts.mail },
    stop = parts.web and { cluster, parts.web, parts.mail } or { cluster, parts.mail },
    mail = parts.mail, iis = parts.web ~= nil,
    service_folder = set.service_folder, mail_folder = set.mail_folder, failover_file = failover_file,
    old_paths = old_paths, grant = set.grant, ports = smartermail.mail_ports(set),
    deadline = 2 * set.deadline + set.nlb_deadline, copy_deadline = set.copy_deadline,
}

-- Verdict: does it serve, as the clients see it? --------------------------------------------------

return policy {
    init        = steps.init,
    migrate     = steps.migrate,
    probes      = probes,
    serving     = probe.custom { every = set.every, timeout = set.look_deadline, pure = true,
                                 run = service.any_of(looks) },
    fit         = fit,
    remedies    = repairs,
    transitions = transitions,

    stop        = stop,
    start       = start,
    fence       = levels,
    verify      = smartermail.seen_by_clients(set),

    unconfirmed   = set.unconfirmed,
    max_moves     = set.max_moves,
    window        = set.window,
    settle        = set.settle,
    look_deadline = set.look_deadline,

    checks  = smartermail_checks.checks(to_check),
    cluster = smartermail_checks.columns(to_check),
}
