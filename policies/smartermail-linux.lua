--- For: SmarterMail on two (or more) Linux servers, its mail and settings on one share that is mounted
--- on each (NFS, SMB …), clients on a floating address. Nodes are entered by ssh as root, or as a user
--- that may use sudo (set sudo="true").
---
--- SmarterMail runs where the address is and nowhere else: its unit must not start by itself
--- (systemctl disable smartermail).
---
--- To change: put <set name="…" value="…"/> into the group. What there is, with its default, is the
--- table below. The floating address, interface, share, gateway and witnesses are attributes of the
--- group.
---
--- To try: tell a story of faults, and play it with `baton simulate`; see baton-policy(7).

local fitness     = require "fitness"
local floating_ip = require "floating_ip"
local guards      = require "guards"
local isolation   = require "isolation"
local remedies    = require "remedies"
local service     = require "service"
local settings    = require "settings"
local smartermail = require "smartermail"
local smartermail_checks = require "smartermail_checks"
local smartermail_setup = require "smartermail_setup"

local set = settings.read {
    sudo             = false, -- nodes are entered by a user that needs it
    unit             = "smartermail.service",
    service_folder   = settings.path "/etc/smartermail", -- system files, before they came onto the share
    mail_folder      = settings.path "/var/lib/smartermail", -- before it came onto the share
    old_paths        = settings.paths(), -- further prefixes that became the share, with commas between
    failover_file    = settings.path(), -- failoverConfig.xml in the service folder
    order            = settings.choice { "address-first", "service-first" }, -- of a start

    -- How often and how patiently to look (seconds; fall and rise: times in a row).
    every            = settings.number(2, 0.05),
    timeout          = settings.number(1, 0.05),
    fall             = settings.number(3, 1),
    rise             = settings.number(2, 1),
    share_every      = settings.number(10, 0.05),
    clock_every      = settings.number(60, 0.05),
    max_skew         = settings.number(2, 0), -- of the clocks

    -- Where the service listens; 0: not asked.
    smtp_port        = settings.number(25, 0, 65535),
    submission_port  = settings.number(587, 0, 65535),
    imap_port        = settings.number(143, 0, 65535),
    pop3_port        = settings.number(110, 0, 65535),
    web_port         = settings.number(80, 0, 65535),
    web_path         = "/",
    ssh_port         = settings.number(22, 1, 65535),
    share_mounted    = true, -- false: the share is a directory in a mounted file system

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
    restart_deadline = settings.number(60, 0.1),
    fail_after       = settings.number(0, 0), -- the holder unfit for so long
    failback         = true,
    failback_after   = settings.number(600, 0), -- the preferred server fit for so long
    max_moves        = settings.number(3, 1),
    window           = settings.number(3600, 1),
    settle           = settings.number(10, 0),
    deadline         = settings.number(10, 0.1), -- for the address, in a move
    look_deadline    = settings.number(5, 0.1),
    start_attempts   = settings.number(3, 1), -- a start that fails, before it is undone
    unconfirmed      = settings.choice { "hold", "fence" }, -- a holder that can't be seen out

    -- For baton init and baton migrate.
    copy_deadline    = settings.number(172800, 1), -- for one pass of a copy
}

local mail = smartermail.on_linux { unit = set.unit, deadline = set.restart_deadline,
    attempts = set.start_attempts }.mail

-- What is observed. -------------------------------------------------------------------

local function often(spec)
    spec.every, spec.timeout, spec.fall, spec.rise = set.every, set.timeout, set.fall, set.rise
    return spec
end

local probes = {
    ssh      = probe.tcp(often { port = set.ssh_port, expect = "SSH-" }),
    uplink   = isolation.probe { every = set.every, timeout = set.timeout },
    clock    = probe.clock { max_skew = set.max_skew, every = set.clock_every, timeout = 5 },
    floating = floating_ip.probe { every = set.every, timeout = set.look_deadline, fall = set.fall, rise = set.rise },
}
local needs, own, tolerated = {}, {}, { "clock", "floating" }

-- The service listens on the floating address and on no other.
local clients, names = smartermail.client_probes(set)
for _, name in ipairs(names) do
    probes[name] = clients[name]
    needs[#needs + 1], own[#own + 1] = name, name
end
if group.share then
    probes.share = probe.share { every = set.share_every, timeout = 5, mounted = set.share_mounted }
    needs[#needs + 1] = "share"
end
-- A spool that grows and a licence that ends move nothing: the next server has the same.
for name, made in pairs(smartermail.api_probes(set)) do
    probes[name] = made
end
if probes.api then
    tolerated[#tolerated + 1], own[#own + 1] = "api", "api"
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
    shared = group.share and { "share", "clock" } or { "clock" }, own = own,
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

local repairs = {}
if set.restarts > 0 then
    local services = {}
    for _, name in ipairs(own) do
        services[name] = mail
    end
    -- It is done when the slowest probe that had failed is ok again.
    local patience = math.max(set.restart_deadline, probes.api and set.api_every + 5 or 0)
    repairs[1] = remedies.restart { services = services, on = "holder", attempts = set.restarts,
        within = set.restarts_within, deadline = patience }
end
repairs[#repairs + 1] = remedies.put_address_back { probe = "floating", within = set.restarts_within,
    deadline = set.deadline }

local remove = floating_ip.remove { deadline = set.deadline }
local add = floating_ip.add { deadline = set.deadline, attempts = set.start_attempts }

-- A service that is bound to the floating address alone can't start without it, unless the sysctl
-- net.ipv4.ip_nonlocal_bind says that it may.
local start = set.order == "address-first" and { add, mail.start } or { mail.start, add }

local parts = { function(node) return floating_ip.look(node) end, mail.look }

-- Check: what must be so before it is needed, and what `baton cluster` shows. ----------------------

local failover_file = set.failover_file or set.service_folder .. "/failoverConfig.xml"
local old_paths = { set.mail_folder, table.unpack(set.old_paths) }
local to_check = {
    mail = mail, unit = set.unit, failover_file = failover_file, early = set.order == "service-first",
    address = floating_ip.look, old_paths = old_paths,
    ports = smartermail.mail_ports(set),
    licence_days = set.licence_days, licence_until = set.licence_until, api = set,
}

-- Set-up: a fresh installation, or one that is there, onto the share. ------------------------

local address = { start = add, stop = remove, look = floating_ip.look }
local steps = smartermail_setup.steps {
    start = set.order == "address-first" and { address, mail } or { mail, address },
    stop = { address, mail }, mail = mail,
    service_folder = set.service_folder, mail_folder = set.mail_folder, failover_file = failover_file,
    old_paths = old_paths, ports = smartermail.mail_ports(set),
    deadline = 2 * set.restart_deadline + set.deadline, copy_deadline = set.copy_deadline,
}

-- Verdict: does it serve, as the clients see it? --------------------------------------------

return policy {
    init        = steps.init,
    migrate     = steps.migrate,
    probes      = probes,
    serving     = probe.custom { every = set.every, timeout = set.look_deadline, pure = true,
                                 run = service.any_of(parts) },
    fit         = fit,
    remedies    = repairs,
    transitions = transitions,

    stop        = { remove, mail.stop },
    start       = start,
    fence       = { hook "fence" },
    verify      = smartermail.seen_by_clients(set),

    unconfirmed   = set.unconfirmed,
    max_moves     = set.max_moves,
    window        = set.window,
    settle        = set.settle,
    look_deadline = set.look_deadline,

    checks  = smartermail_checks.checks(to_check),
    cluster = smartermail_checks.columns(to_check),
}
