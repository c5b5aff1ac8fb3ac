-- The shipped policies and the actions of the library: what they are made of under several
-- settings, the verdicts in words, the very commands that would run.

package.path = (arg[0]:match("^(.*)/[^/]*$") or ".") .. "/?.lua;" .. package.path
local minihost = require "minihost"
local equal, says, refuses, test = minihost.equal, minihost.says, minihost.refuses, minihost.test
local observed = minihost.observed

local mail = { floating = "10.9.0.100/24", interface = "wan", share = "/srv/mail", gateway = "10.9.0.254" }

local function postfix(param, answer)
    local host = minihost.new { param = param or {}, group = mail, answer = answer }
    return host, host.load "policies/postfix-floating-ip.lua"
end

local function generic(param, group, answer)
    local host = minihost.new { param = param, group = group or mail, answer = answer }
    return host, host.load "policies/generic-service.lua"
end

local function names(actions)
    local list = {}
    for i, item in ipairs(actions) do
        list[i] = item.name
    end
    return list
end

-- The words of a command; a script is shortened to its first line.
local function words(request)
    local list = {}
    for i, word in ipairs(request.command) do
        list[i] = word:match("^[^\n]*")
    end
    return list
end

-- A node on which everything is ok, for a policy with these probes.
local function node_of(host, shipped, name, fields)
    local node = host.node(name, fields)
    for probe in pairs(shipped.probes) do
        node[probe] = (fields or {})[probe] or observed "ok"
    end
    return node
end

-- ---- postfix-floating-ip ------------------------------------------------------------------

test("postfix: hot standby by default, with figures for production", function()
    local _, policy = postfix()
    equal(names(policy.stop), { "remove the floating address" })
    equal(names(policy.start), { "add the floating address" })
    equal({ policy.probes.smtp.every, policy.probes.smtp.fall, policy.probes.smtp.port, policy.probes.smtp.on },
        { 2, 3, 25, "all" })
    equal({ policy.probes.ssh.port, policy.probes.ssh.expect }, { 22, "SSH-" })
    equal({ policy.unconfirmed, #policy.remedies, #policy.transitions }, { "hold", 2, 2 })
    equal({ policy.fence[1].name, policy.verify[1].kind, policy.verify[1].via }, { "hook fence", "smtp", "floating" })
end)

test("postfix: tunable down to fractions of a second", function()
    local _, policy = postfix { every = 0.2, fall = 2, rise = 1, timeout = 0.5, restarts = 0, unconfirmed = "fence",
        smtp_port = 2525, failback = false }
    equal({ policy.probes.smtp.every, policy.probes.smtp.fall, policy.probes.smtp.port }, { 0.2, 2, 2525 })
    equal({ #policy.remedies, #policy.transitions, policy.unconfirmed }, { 1, 1, "fence" })
    equal(policy.remedies[1].on, "any")
end)

test("postfix: cold standby stops the service after the address and starts it before", function()
    local _, policy = postfix { standby = "cold" }
    equal(names(policy.stop), { "remove the floating address", "stop postfix", "stop dovecot" })
    equal(names(policy.start), { "start dovecot", "start postfix", "add the floating address" })
    equal(policy.probes.smtp.on, "holder")
    equal({ policy.probes.floating.kind, policy.probes.floating.on }, { "custom", "holder" })
end)

test("postfix: a setting that it doesn't know, or of the wrong kind, is refused", function()
    refuses(function() postfix { evrey = 1 } end, 'set name="evrey": this policy has no such setting; there are: ')
    refuses(function() postfix { every = "often" } end, 'set name="every": a number is wanted, not "often"')
    refuses(function() postfix { fall = 0 } end, 'set name="fall": at least 1 is wanted, not "0"')
    refuses(function() postfix { standby = "warm" } end, 'one of hot, cold is wanted, not "warm"')
    refuses(function() postfix { failback = 1 } end, 'set name="failback": a boolean (true or false) is wanted')
end)

local function verdicts(param, first, second)
    local host, policy = postfix(param)
    first.holds = true
    local one, two = node_of(host, policy, "server01", first), node_of(host, policy, "server02", second)
    local function judge(node)
        local fit, why = policy.fit(node)
        node.fit, node.fit_why, node.fit_for = fit, why, node.since or 0
    end
    judge(one)
    judge(two)
    return one, two, policy.transitions[1].when(two, host.group)
end

local refused = observed("failed", { run = 3, detail = "connection refused" })

test("postfix: a dead mail service moves at once, and the reason says why", function()
    local one, two, moves, why = verdicts({}, { smtp = refused, imap = refused }, {})
    equal({ one.fit, two.fit, moves }, { false, true, true })
    says(why, "server01 unfit for 0 s: smtp failed 3 times: connection refused; imap failed 3 times")
end)

test("postfix: with fail_after it says how long of how long, and when to ask again", function()
    local _, _, moves, why, again = verdicts({ fail_after = 6 }, { smtp = refused, since = 4 }, {})
    equal({ moves, again }, { false, 2 })
    says(why, "server01 unfit for 4 s of 6 s")
end)

test("postfix: a share that failed everywhere moves nothing, whichever node noticed first", function()
    local failed = observed("failed", { since_for = 3, detail = "stale file handle" })
    local _, _, moves, why = verdicts({}, { share = failed }, { share = observed("ok", { seen_for = 9 }) })
    equal(moves, false)
    says(why, "share failed on server01: waiting for a fresh look from server02")
    local one, two
    one, two, moves, why = verdicts({}, { share = failed }, { share = failed })
    equal({ one.fit, two.fit, moves }, { false, false, false })
    says(two.fit_why, "share failed on all nodes: there is no better place")
    says(why, "there is no better place")
end)

test("postfix: a share that failed on the holder alone moves", function()
    local failed = observed("failed", { since_for = 12 })
    local _, _, moves = verdicts({}, { share = failed }, {})
    equal(moves, true)
end)

test("postfix: ssh down on the holder is no fault of its service; on the standby it is", function()
    local one, two = verdicts({}, { ssh = refused }, { ssh = refused })
    equal({ one.fit, two.fit }, { true, false })
    says(two.fit_why, "ssh failed 3 times: connection refused")
end)

test("postfix: a controller that is cut off moves nothing", function()
    local _, _, moves, why = verdicts({}, { smtp = refused,
        uplink = observed("failed", { detail = "no answer from gateway 10.9.0.254" }) },
        { uplink = observed "resting" })
    equal(moves, false)
    says(why, "the controller may be the one that is cut off: no answer from gateway 10.9.0.254")
end)

test("postfix: the holder is restarted in place when ssh is there, by what its probes say", function()
    local host, policy = postfix({ postfix_config = "/etc/postfix-a", dovecot_config = "/etc/dovecot-a/dovecot.conf" })
    local holder, other = policy.remedies[1], policy.remedies[2]
    local node = node_of(host, policy, "server01", { holds = true, smtp = refused })
    equal({ holder.when(node) }, { true, "smtp failed: connection refused" })
    equal((other.when(node)), false)
    host.on_sleep = function() node.smtp = observed "ok" end
    equal({ holder.run.run(node) }, { true })
    equal(#host.requests, 2)
    equal(words(host.requests[2]), { "sh", "-c", "said=$(mktemp) || exit 1", "sh", "postfix", "-c",
        "/etc/postfix-a", "start" })
    equal({ host.requests[2].effect, holder.run.effect }, { "service:postfix.start", "service.restart" })
    node.smtp = refused
    node.ssh = observed("ok", { last = "failed" })
    says(select(2, holder.when(node)), "smtp failed, but server01 can't be reached (ssh)")
    node.ssh, node.holds = observed "ok", false
    equal({ (holder.when(node)), (other.when(node)) }, { false, true })
end)

test("postfix: under systemd it is restarted by its unit", function()
    local host, policy = postfix { sudo = true }
    local node = node_of(host, policy, "server01", { holds = true, imap = refused })
    host.on_sleep = function() node.imap = observed "ok" end
    policy.remedies[1].run.run(node)
    equal(words(host.requests[1]), { "sudo", "-n", "systemctl", "restart", "--", "dovecot.service" })
end)

test("postfix: a restart that fails says what the program said", function()
    local host, policy = postfix({}, function()
        return { code = 1, detail = "exit 1", err = "a\nUnit is masked.\n" }
    end)
    local node = node_of(host, policy, "server01", { holds = true, smtp = refused })
    equal({ policy.remedies[1].run.run(node) }, { false, "restart postfix: Unit is masked." })
end)

test("postfix: serving is where the address is; no answer is no answer", function()
    local code, unknown
    local host, policy = postfix({}, function() return { code = code, unknown = unknown, detail = "ssh: no route" } end)
    local node = node_of(host, policy, "server01")
    local answers = {}
    for i, case in ipairs { { 0 }, { 3 }, { 9 }, { 255, true } } do
        code, unknown = case[1], case[2]
        answers[i] = tostring((policy.serving.run(node)))
    end
    equal(answers, { "true", "false", "nil", "nil" })
    equal(words(host.requests[1]), { "sh", "-c", 'found=$(ip -o address show to "$1") || exit 9', "sh",
        "10.9.0.100" })
    equal(host.requests[1].asks, "address.up")
end)

test("postfix: in cold standby a node that is half stopped still serves", function()
    local up = {}
    local host, policy = postfix({ standby = "cold" }, function(request)
        return { code = up[request.asks] or 3, detail = "exit" }
    end)
    local node = node_of(host, policy, "server01")
    equal({ policy.serving.run(node) },
        { false, "10.9.0.100 is not there; postfix is stopped; dovecot is stopped" })
    up["service:postfix.running"] = 0
    equal((policy.serving.run(node)), true)
    up["address.up"], up["service:postfix.running"] = 0, 3
    equal((policy.serving.run(node)), true)
    up["address.up"] = 9
    equal((policy.serving.run(node)), nil)
end)

test("floating address: add, announce without delay, remove wherever it is", function()
    local host, policy = postfix()
    local node = node_of(host, policy, "server02")
    equal({ policy.start[1].run(node) }, { true })
    local request = host.requests[1]
    equal({ request.effect, request.command[5], request.command[6], request.command[7] },
        { "address.add", "10.9.0.100", "wan", "10.9.0.100/24" })
    says(request.command[3], 'ip address add "$3" dev "$2" || exit 1')
    says(request.command[3], 'arping -q -U -c 3 -w 4 -I "$2" "$1"')
    equal({ policy.stop[1].run(node) }, { true })
    equal(host.requests[2].effect, "address.delete")
    equal(policy.start[1].undo.name, "remove the floating address")
end)

test("floating address: when a rogue gives it up, the holder tells the neighbours again", function()
    local host, policy = postfix()
    node_of(host, policy, "server01", { holds = true, serving = true })
    local rogue = node_of(host, policy, "server02")
    policy.stop[1].run(rogue)
    equal({ #host.requests, host.requests[2].node.name }, { 2, "server01" })
    says(host.requests[2].command[3], "arping -q -U")
end)

test("floating address: on a local node the daemon does it", function()
    local host, policy = postfix()
    local node = node_of(host, policy, "server01", { transport = "local" })
    policy.start[1].run(node)
    local request = host.requests[1]
    equal({ request.kind, request.op, request.interface, request.address },
        { "address", "add", "wan", "10.9.0.100/24" })
end)

test("floating address: a group without one says what is missing", function()
    local host = minihost.new {}
    local add = host.require "floating_ip".add {}
    refuses(function() add.run(host.node "server01") end, "no floating address: the group needs floating=")
end)

-- ---- generic-service ----------------------------------------------------------------------

test("generic: a systemd unit with a floating address", function()
    local host, policy = generic { unit = "postgresql.service", port = 5432 }
    equal(names(policy.stop), { "remove the floating address", "stop postgresql.service" })
    equal(names(policy.start), { "start postgresql.service", "add the floating address" })
    equal({ policy.probes.service.port, policy.probes.service.on, policy.verify[1].via },
        { 5432, "holder", "floating" })
    local node = node_of(host, policy, "server01")
    policy.stop[2].run(node)
    equal(words(host.requests[1]), { "systemctl", "stop", "--", "postgresql.service" })
    equal(host.requests[1].effect, "service:postgresql.service.stop")
    equal(policy.remedies[1].run.effect, "service:postgresql.service.restart")
end)

test("generic: own commands, without address, port or share", function()
    local host, policy = generic({ start_command = "/opt/lic/run &", stop_command = "pkill -F /run/lic.pid",
        status_command = "/opt/lic/status" }, {})
    equal({ names(policy.stop), names(policy.start), #policy.verify }, { { "stop mail" }, { "start mail" }, 0 })
    equal({ policy.probes.service.kind, policy.probes.share }, { "custom", nil })
    policy.start[1].run(node_of(host, policy, "server01"))
    equal(words(host.requests[1]), { "sh", "-c", "said=$(mktemp) || exit 1", "sh", "sh", "-c", "/opt/lic/run &" })
end)

test("generic: an init script", function()
    local host, policy = generic({ init = "mydaemon" }, {})
    policy.start[1].run(node_of(host, policy, "server01"))
    equal(words(host.requests[1]), { "sh", "-c", "said=$(mktemp) || exit 1", "sh", "service", "mydaemon", "start" })
end)

test("generic: without saying what the service is it is refused", function()
    refuses(function() generic {} end, 'set name="start_command" is missing: without unit= or init=')
end)

-- Whether the service runs says nothing about its address.
test("a lost address is against the holder, one that can't be asked for is not", function()
    for _, made in ipairs { { postfix { standby = "cold" } }, { generic { unit = "x.service", port = 21 } } } do
        local host, policy = made[1], made[2]
        local node = node_of(host, policy, "server01", { holds = true,
            floating = observed("failed", { run = 3, detail = "10.9.0.100 is not there" }) })
        local fit, why = policy.fit(node)
        equal(fit, false)
        says(why, "floating failed 3 times: 10.9.0.100 is not there")
        equal(policy.remedies[2].when(node), true)
        node.floating = observed("unknown", { run = 3, detail = "ssh: no answer" })
        equal({ policy.fit(node), (policy.remedies[2].when(node)) }, { true, false })
    end
end)

-- Else a dead server would stand there as Active for ever: what can't be asked is unknown.
test("generic: without a port, a holder that ssh can't reach is given up", function()
    local gone = { holds = true, ssh = observed("failed", { run = 3, detail = "no answer" }),
        service = observed("unknown", { run = 3, detail = "ssh: no answer" }) }
    local host, policy = generic({ unit = "x.service" }, {})
    local fit, why = policy.fit(node_of(host, policy, "server01", gone))
    equal(fit, false)
    says(why, "ssh failed 3 times: no answer")
    host, policy = generic({ unit = "x.service", port = 5432 }, {})
    gone.service = nil
    equal(policy.fit(node_of(host, policy, "server01", gone)), true)
end)

test("generic: a unit that is stopping is neither running nor stopped", function()
    local code
    local host, policy = generic({ unit = "x.service" }, {}, function() return { code = code, detail = "exit" } end)
    local look = policy.stop[1].look
    local node = node_of(host, policy, "server01")
    local answers = {}
    for i, exit in ipairs { 0, 3, 4, 5, 1 } do
        code = exit
        answers[i] = tostring((look(node)))
    end
    equal(answers, { "false", "true", "true", "nil", "nil" })
end)

-- ---- Files ----------------------------------------------------------------------------------

test("each shipped policy begins by saying for whom it is and what to change", function()
    for _, name in ipairs { "postfix-floating-ip", "generic-service", "smartermail-nlb", "smartermail-linux" } do
        local text = minihost.slurp(minihost.root .. "/policies/" .. name .. ".lua")
        equal(text:sub(1, 9), "--- For: ", name)
        says(text:match("^(.-)\nlocal"), "--- To change: ")
    end
end)

minihost.finish()
