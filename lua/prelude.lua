--- What the host loads first: the names that policies and modules see.
--
-- The host runs this file once in the policy's own closed environment, with the table of
-- its primitives as the argument, and takes from it the functions that carry out probes,
-- looks and actions.

local core = ...

-- The group -----------------------------------------------------------------------------

group = core.group
param = {}
for name, value in pairs(core.site.params) do
    if value == "true" or value == "false" then
        param[name] = value == "true"
    else
        param[name] = tonumber(value) or value
    end
end

-- Calls that wait -------------------------------------------------------------------------

function sleep(seconds)
    core.wait("sleep", { timeout = seconds })
end

function exec(fields)
    return core.wait("exec", fields)
end

function http(fields)
    return core.wait("http", fields)
end

function tcp(fields)
    return core.wait("tcp", fields)
end

function mail(fields)
    return core.wait("mail", fields)
end

--- Add, delete, announce the floating address on a node, or ask whether it is there.
function address(fields)
    return core.wait("address", fields)
end

core.method("exec", function(node, fields)
    return core.wait("exec", fields, node)
end)

parallel, deadline = core.parallel, core.deadline
now, wall, random = core.now, core.wall, core.random

function log(level, text)
    if text == nil then
        level, text = "info", level
    end
    core.log(level, tostring(text))
end

function secret(name)
    if not core.secret_exists(name) then
        error(("the configuration has no secret %q"):format(name), 2)
    end
    return name
end

-- What a script may answer: true, false or nil with a reason, or the result of a request.
local function answer(value, detail, measured)
    if type(value) == "table" and value.ok ~= nil then
        if value.ok then
            return true, value.detail
        elseif value.failed then
            return false, value.detail
        end
        return nil, value.detail
    end
    if value ~= nil and type(value) ~= "boolean" then
        core.raise(("an answer is true, false, nil or a result, not a %s"):format(type(value)))
    end
    if detail ~= nil and type(detail) ~= "string" then
        detail = tostring(detail)
    end
    return value, detail, measured
end

--- Run `run` until it succeeds: does not raise and does not return false (or nil with a
--- reason). The last try decides.
function retry(spec)
    local attempts, pause = spec.attempts or 3, spec.pause or 1
    for i = 1, attempts do
        local broken = false
        local results = table.pack(xpcall(spec.run, function(why)
            broken = not core.deliberate()
            return why
        end))
        if not results[1] and broken then
            core.raise(results[2])
        elseif not results[1] and i == attempts then
            error(results[2], 0)
        end
        local value = results[2]
        local failed = value == false or value == nil and results[3] ~= nil
            or type(value) == "table" and value.ok == false
        if results[1] and (not failed or i == attempts) then
            return table.unpack(results, 2, results.n)
        end
        sleep(pause)
    end
end

-- Objects -----------------------------------------------------------------------------------

probe = {}
for _, kind in ipairs { "tcp", "smtp", "imap", "pop3", "http", "exec", "share", "clock", "custom" } do
    probe[kind] = function(fields)
        return core.make("probe", kind, fields)
    end
end
setmetatable(probe, {
    __index = function(_, kind)
        error(("there is no probe.%s; there are: clock, custom, exec, http, imap, pop3, share, smtp, tcp")
            :format(tostring(kind)), 2)
    end,
})

function action(fields)
    return core.make("action", nil, fields)
end

function check(fields)
    return core.make("check", nil, fields)
end

function step(fields)
    return core.make("step", nil, fields)
end

rewriter, failover_settings, failover_config = core.rewriter, core.failover_settings, core.failover_config
to_base64, from_base64 = core.to_base64, core.from_base64

function policy(fields)
    return core.make("policy", nil, fields)
end

--- The administrator's own programs in hooks/EVENT.d, as an action. It fails when one of
--- them says no, or none could say.
function hook(event)
    return action {
        name = "hook " .. event,
        deadline = 30,
        run = function(node)
            local facts = {
                GROUP = group.name, EVENT = event, NODE = node.name, ADDRESS = node.address,
                STATE = node.state, EPOCH = tostring(group.epoch),
                HOLDER = group.holder and group.holder.name or "",
                FLOATING = group.floating or "", INTERFACE = group.interface or "",
                SHARE = group.share or "",
            }
            return core.wait("hook", { event = event, facts = facts, timeout = 30 })
        end,
    }
end

-- Probes --------------------------------------------------------------------------------------

local function host_of(p, node)
    if p.via == "floating" then
        return core.site.floating_host
    end
    return p.host or node.address
end

local function mail_request(proto)
    return function(p, node)
        return {
            kind = "mail", proto = proto, host = host_of(p, node), port = p.port, tls = p.tls,
            verify = p.verify, ca_file = p.ca_file, timeout = p.timeout or 1,
        }
    end
end

local function url_of(p, host)
    local scheme = p.scheme or "http"
    if host:find(":", 1, true) then
        host = "[" .. host .. "]"
    end
    local port = p.port and (":%d"):format(p.port) or ""
    return ("%s://%s%s%s"):format(scheme, host, port, p.path or "/")
end

-- Mounted, and a new file can be written. A share that hangs holds `sh` for ever, so it
-- is killed a little before the probe's own time is over and counts as failed.
local share_script = [[
if [ "$2" = yes ]; then
    mountpoint -q -- "$1" || { echo "$1 is not mounted" >&2; exit 1; }
fi
f=$(mktemp -- "$1/.baton-XXXXXX") || exit 1
rm -f -- "$f"
]]

-- Loaded where a node is a Windows one, and only there.
local function windows()
    return require "windows"
end

local requests = {
    tcp = function(p, node)
        return {
            kind = "tcp", host = host_of(p, node), port = p.port, expect = p.expect,
            timeout = p.timeout or 1,
        }
    end,
    smtp = mail_request "smtp",
    imap = mail_request "imap",
    pop3 = mail_request "pop3",
    http = function(p, node)
        local host = host_of(p, node)
        return {
            kind = "http", method = p.method, url = p.url or url_of(p, host),
            connect_to = p.url and host or nil, expect = p.expect, match = p.match,
            verify = p.verify, ca_file = p.ca_file, headers = p.headers, secret = p.secret,
            timeout = p.timeout or 1,
        }
    end,
    exec = function(p, node)
        if type(p.command) == "function" then
            return nil
        end
        return {
            kind = "exec", command = p.command, input = p.input, asks = p.asks,
            node = p.where ~= "controller" and node.name or nil, timeout = p.timeout or 1,
        }
    end,
    share = function(p, node)
        local path = p.path or core.site.share
        if not path then
            error("probe.share wants path = \"…\", or a share in the configuration", 0)
        end
        if node.transport == "winrm" then
            local request = windows().share_request(path, p.timeout or 1)
            request.kind, request.node = "exec", node.name
            return request
        end
        local seconds = ("%.2f"):format((p.timeout or 1) * 0.8)
        return {
            kind = "exec", node = node.name, asks = "share.ok", timeout = p.timeout or 1,
            command = {
                "timeout", "-s", "KILL", seconds, "sh", "-c", share_script, "sh", path,
                p.mounted == false and "no" or "yes",
            },
        }
    end,
}

-- How far a node's clock is ahead of the controller's, and how sure that is.
local function clock_offset(node, timeout)
    local before = wall()
    local there, why
    if node.transport == "winrm" then
        there, why = windows().clock(node, timeout)
    else
        local result = core.wait("exec", { command = { "date", "+%s.%N" }, asks = "clock", timeout = timeout }, node)
        there, why = result.ok and tonumber(result.out:match("^%s*([%d.]+)")), result.detail
    end
    local after = wall()
    if not there then
        return nil, why
    end
    return there - (before + after) / 2, (after - before) / 2
end

-- A node's clock is wrong when it disagrees with the controller's and with that of another
-- node (or no other node answers): one wrong clock out of three is found.
local function clock_probe(p, node)
    local max, timeout = p.max_skew or 2, (p.timeout or 1) * 0.9
    local other
    for _, candidate in ipairs(group.nodes) do
        if candidate ~= node and not other then
            other = candidate
        end
    end
    local mine, sure, theirs, sure_of_theirs
    parallel(function()
        mine, sure = clock_offset(node, timeout)
    end, other and function()
        theirs, sure_of_theirs = clock_offset(other, timeout)
    end or function() end)
    if not mine then
        return nil, "can't ask for the time: " .. tostring(sure)
    end
    local words = ("%+.3f s against the controller"):format(mine)
    local off = math.abs(mine) - sure > max
    if theirs then
        words = words .. (", %+.3f s against %s"):format(mine - theirs, other.name)
        if off and math.abs(mine - theirs) - sure - sure_of_theirs <= max then
            off = false
            words = words .. "; the controller's own clock is off"
        end
    end
    return not off, words, mine
end

local function run_probe(p, node)
    if p.kind == "clock" then
        return clock_probe(p, node)
    elseif p.kind == "custom" then
        return answer(p.run(node))
    end
    return answer(core.wait("exec", {
        command = p.command(node), input = p.input, asks = p.asks,
        node = p.where ~= "controller" and node or nil, timeout = p.timeout or 1,
    }))
end

local function ask(p, node)
    local make = requests[p.kind]
    local wanted = make and make(p, node)
    if wanted then
        return answer(core.wait(wanted.kind, wanted))
    end
    return run_probe(p, node)
end

-- Actions ---------------------------------------------------------------------------------------

-- Safe to run twice: what is already so is not done again, and what was done is waited for
-- until a look sees it. The task's deadline ends the waiting.
local function act(a, node)
    local look = a.look
    if look then
        local there, why, unasked = look(node)
        if type(there) == "table" then
            unasked = there.unknown
        end
        there, why = answer(there, why)
        if there == true then
            return true, "already so"
        elseif there == nil and unasked then
            return nil, why -- who can't be asked what is can't be told what to do
        end
    end
    local detail
    if a.run then
        local value, why = a.run(node)
        if value == nil and why ~= nil then
            return nil, why -- the node could not even be asked
        end
        if value == nil then
            value = true
        end
        local done, said = answer(value, why)
        if not done then
            return false, said or "it failed without saying why"
        end
        detail = said
    end
    while look do
        local there, why = answer(look(node))
        if there == true then
            return true, why or detail
        end
        core.note("waits: " .. (why or (there == nil and "can't say" or "not yet so")))
        sleep(0.2)
    end
    return true, detail
end

-- Without `serving`, a node serves when all that its start actions want is true, and
-- certainly does not when none of it is.
local function serving_by_looks(actions, node)
    local yes, no, unsure = 0, 0, 0
    for _, a in ipairs(actions) do
        if a.look then
            local there = answer(a.look(node))
            if there == nil then
                unsure = unsure + 1
            elseif there then
                yes = yes + 1
            else
                no = no + 1
            end
        end
    end
    if no == 0 and unsure == 0 then
        return true, "all that start does is there"
    elseif yes == 0 and unsure == 0 then
        return false, "nothing that start does is there"
    end
    return nil, ("of what start does, %d is there, %d is not, %d can't be seen"):format(yes, no, unsure)
end

-- Set-up ----------------------------------------------------------------------------------------

-- The node that it is for; none where it is for the group.
local function its(item, node, otherwise)
    if (item.on or otherwise) ~= "group" then
        return node
    end
end

local function its_step(s, node)
    return its(s, node, "group")
end

local function told(value, detail, more)
    local result, words = answer(value, detail)
    return result, words, more ~= nil and tostring(more) or nil
end

local function run_check(c, node)
    local result, words, advice = told(c.run(its(c, node, "each")))
    return result, words, advice or result ~= true and c.advice or nil
end

local function plan_step(s, node)
    local lines = s.plan(its_step(s, node))
    if type(lines) ~= "table" then
        core.raise(("plan of step %s wants a list of lines, not a %s"):format(s.name, type(lines)))
    end
    return true, nil, table.concat(lines, "\n")
end

-- A step of no return value has done what it should.
local function run_step(s, node)
    local value, detail, memo = s.run(its_step(s, node), core.memo(s, its_step(s, node)))
    if value == nil and detail == nil then
        value = true
    end
    return told(value, detail, memo)
end

local function undo_step(s, node)
    local value, detail = s.undo(its_step(s, node), core.memo(s, its_step(s, node)))
    if value == nil and detail == nil then
        value = true
    end
    return told(value, detail)
end

-- What else policies see without `require` --------------------------------------------------------

math.random = core.random
for _, module in ipairs { "guards", "damping" } do
    for name, value in pairs(require(module)) do
        _G[name] = value
    end
end

-- Modules are loaded now or never.
for _, node in ipairs(group.nodes) do
    if node.transport == "winrm" then
        require "windows"
    end
end

-- What the host calls -------------------------------------------------------------------------------

return {
    request = function(p, node)
        local make = requests[p.kind]
        return make and make(p, node)
    end,
    probe = run_probe,
    serving = function(item, node)
        if type(item) == "function" then
            return answer(item(node))
        elseif core.is("probe", item) then
            return ask(item, node)
        end
        return serving_by_looks(item, node)
    end,
    verify = function(item, node)
        if core.is("probe", item) then
            return ask(item, node)
        end
        return act(item, node)
    end,
    act = act,
    undo = function(a, node)
        return act(a.undo, node)
    end,
    check = run_check,
    step_look = function(s, node)
        return told(s.look(its_step(s, node)))
    end,
    step_plan = plan_step,
    step_run = run_step,
    step_undo = undo_step,
    generic = function(spec)
        return require("preflight").checks(spec, { clock = clock_probe, ask = ask })
    end,
}
