-- SmarterMail's policies: the document's order of steps, and scripts that say what they must.

package.path = (arg[0]:match("^(.*)/[^/]*$") or ".") .. "/?.lua;" .. package.path
local minihost = require "minihost"
local test, equal, says = minihost.test, minihost.equal, minihost.says

local site = { floating = "10.9.0.100/24", share = "\\\\NAS01\\SmarterMail", nodes = {} }

local function names(list)
    local out = {}
    for i, one in ipairs(list) do
        out[i] = one.name
    end
    return out
end

local function host_with(params)
    return minihost.new { group = site, param = params, transport = "winrm" }
end

test("nlb: the steps go in the order of the document's scripts", function()
    local policy = host_with({}).load "policies/smartermail-nlb.lua"
    equal(names(policy.stop), { "stop the NLB node", "stop the application pool SmarterMail", "stop MailService" })
    equal(names(policy.start), { "start the NLB node", "start MailService", "start the application pool SmarterMail" })
end)

test("nlb: the service first, for those who want the address last", function()
    local policy = host_with({ order = "service-first" }).load "policies/smartermail-nlb.lua"
    equal(names(policy.start), { "start MailService", "start the application pool SmarterMail", "start the NLB node" })
    equal(names(policy.stop)[1], "stop the NLB node")
end)

test("nlb: no pool where web mail is no IIS site", function()
    local policy = host_with({ pool = "" }).load "policies/smartermail-nlb.lua"
    equal(names(policy.start), { "start the NLB node", "start MailService" })
end)

local function decoded(command)
    local pipe = assert(io.popen("printf %s '" .. command[#command] .. "' | base64 -d | iconv -f UTF-16LE -t UTF-8"))
    local text = pipe:read "a"
    pipe:close()
    return text
end

test("nlb: host and interface go where they belong, whatever they are called", function()
    local host = host_with {}
    local node = host.node("server01", {})
    host.require "nlb".node { interface = "WAN 'x'" }.start_on(node)
    says(decoded(host.requests[1].command), "Start-NlbClusterNode -HostName 'server01' -InterfaceName 'WAN ''x''' ")
    equal(host.requests[1].effect, "address.add")
end)

test("service: 3 is stopped, 5 is on its way, 1 is no answer", function()
    for code, wanted in pairs { [0] = true, [3] = false } do
        local host = minihost.new { answer = function() return { code = code } end }
        equal((host.require "windows".service "MailService".look(host.node("server01", {}))), wanted)
    end
    for _, code in ipairs { 1, 5 } do
        local host = minihost.new { answer = function() return { code = code } end }
        equal((host.require "windows".service "MailService".look(host.node("server01", {}))), nil)
    end
end)

-- ---- The API -----------------------------------------------------------------------------------

local api = { api_url = "https://mail.example.org/", api_user = 'ad"min', api_secret = "admin", api_every = 30,
    spool_growth = 100, spool_over = 120, licence_days = 14, licence_every = 3600 }

-- Probes, with answers by the end of the path; what is no table is sent as it is.
local function api_with(answers, more)
    local set, logs = {}, {}
    for key, value in pairs(api) do
        set[key] = value
    end
    for key, value in pairs(more or {}) do
        set[key] = value
    end
    local host = minihost.new { group = { floating = "10.9.0.100/24", nodes = {} }, logs = logs,
        answer = function(request)
            local answer = answers[request.url:match "[^/]*$"]
            if answer == nil then
                return { out = '{"accessToken":"t0ken","x":1}' }
            end
            return type(answer) == "table" and answer or { out = answer }
        end }
    return host, host.require "smartermail".api_probes(set), host.node("server01", { holds = true }), logs
end

test("api: none without address, user and secret", function()
    for _, name in ipairs { "api_url", "api_user", "api_secret" } do
        local set = {}
        for key, value in pairs(api) do
            set[key] = key ~= name and value or nil
        end
        equal(next(minihost.new {}.require "smartermail".api_probes(set)), nil)
    end
end)

test("api: it logs in with the secret in the body, once, and asks on the floating address", function()
    local host, probes, node = api_with { services = '{"services":{"smtp":true,"xmpp":false}}' }
    equal({ probes.api.run(node) }, { true, "switched off: xmpp" })
    probes.api.run(node)
    local login, ask = host.requests[1], host.requests[2]
    equal({ login.url, login.method, login.connect_to, login.body, login.body_secret },
        { "https://mail.example.org/api/v1/auth/authenticate-user", "POST", "10.9.0.100",
            '{"username":"ad\\"min","password":"{{secret}}"}', "admin" })
    equal({ ask.url, ask.headers.Authorization, ask.connect_to },
        { "https://mail.example.org/api/v1/settings/sysadmin/services", "Bearer t0ken", "10.9.0.100" })
    equal(#host.requests, 3)
    host.time = host.time + 700 -- its time is over
    probes.api.run(node)
    equal(#host.requests, 5)
end)

test("api: only services that must run are missed", function()
    local answers = { services = '{"services":{"smtp":true,"xmpp":false}}' }
    local _, probes, node = api_with(answers, { api_services = "smtp, xmpp" })
    equal({ probes.api.run(node) }, { false, "not running: xmpp" })
    answers.services = '{"services":{"smtp":true}}'
    equal({ probes.api.run(node) }, { nil, 'the API: it knows no service "xmpp"' })
    answers.services = '{"services":{"smtp":true,"xmpp":true}}'
    equal({ probes.api.run(node) }, { true, "all its services run" })
end)

test("api: what it does not say is unknown, not failed", function()
    local answers, said = {}, {}
    local host, probes, node = api_with(answers, { api_services = "smtp" })
    for i, answer in ipairs { "<html>", "[]", "null", '{"services":5}', '{"success":false}', { code = 500 },
        { code = 401 }, { unknown = true, code = -1, detail = "no route" } } do
        answers.services = answer
        local so, why = probes.api.run(node)
        equal(so, nil)
        said[i] = why
    end
    equal(said[1], "the API: no JSON: no value at byte 1")
    equal(said[3], "the API: it is null")
    equal(said[7], "the API's token has run out")
    equal(said[8], "the API: no route")
    equal(#host.requests, 10) -- after 401 it logged in again
    answers["authenticate-user"] = { code = 403, detail = "HTTP status 403" }
    answers.services = { code = 401 }
    probes.api.run(node)
    equal({ probes.api.run(node) }, { nil, "the API lets nobody in: HTTP status 403" })
    answers["authenticate-user"] = '{"success":false}'
    equal({ probes.api.run(node) }, { nil, "the API lets nobody in: it gives no token" })
end)

test("api: a spool grows when it was shorter all the time before", function()
    local answers = {}
    local host, probes, node, logs = api_with(answers)
    local function look(default, waiting)
        answers["spool-message-counts"] = ('{"counts":{"default":%d,"waiting":%d},"success":true}'):format(default,
            waiting)
        local so, why, value = probes.spool.run(node)
        host.time = host.time + 60
        return so, why, value
    end
    equal({ look(10, 0) }, { true, "10 messages in the spool", 10 })
    equal({ (look(500, 100)) }, { true }) -- so many at once, but not for long enough
    local so, why = look(60, 60)
    equal({ so, why }, { false, "120 messages in the spool, 110 more than 120 s ago" })
    equal(logs, { "alert: the spool grows on server01: 120 messages in the spool, 110 more than 120 s ago" })
    so = look(900, 0)
    equal({ so, #logs }, { true, 1 }) -- the first of these 120 s was higher than what came after it
    equal({ look(900, 0) }, { false, "900 messages in the spool, 780 more than 120 s ago", 900 })
    equal(#logs, 2)
    answers["spool-message-counts"] = '{"counts":{"a":1e999,"b":2.7}}'
    equal({ probes.spool.run(node) }, { true, "2 messages in the spool", 2 })
end)

test("api: another holder begins to count anew", function()
    local answers = { ["spool-message-counts"] = '{"counts":{"default":1}}' }
    local host, probes, node = api_with(answers)
    probes.spool.run(node)
    host.time = host.time + 200
    answers["spool-message-counts"] = '{"counts":{"default":5000}}'
    equal((probes.spool.run(host.node("server02", {}))), true)
end)

test("api: days of the licence, however they are called", function()
    local answers = {}
    local host, probes, node, logs = api_with(answers)
    host.wall = 1795564800 -- 2026-11-25
    for answer, wanted in pairs {
        ['{"notifications":[{"daysRemaining":300},{"daysRemaining":20}]}'] = { true, 20 },
        ['{"licenseExpires":"2026-12-04T00:00:00Z"}'] = { false, 9 },
        ['{"a":{"expirationDate":"2028-02-29"}}'] = { true, 461 },
        ['{"maintenanceDaysLeft":-3}'] = { false, -3 },
        ['{"notifications":[]}'] = { true },
        ['{"days":1e999}'] = { true },
    } do
        host.time = host.time + 3600 -- it is not asked more often
        answers["license-notifications"] = answer
        local so, why, left = probes.licence.run(node)
        equal({ so, left }, wanted, answer .. " " .. why)
    end
    equal(#logs > 0, true)
    says(logs[1], "alert: the licence runs out on server01: the licence ends in ")
    host.time = host.time + 3600
    answers["license-notifications"] = '{"daysLeft":3}'
    equal({ (probes.licence.run(node)) }, { false })
    local before, asked = #logs, #host.requests
    host.time = host.time + 1800
    answers["license-notifications"] = '{"daysLeft":300}'
    equal({ (probes.licence.run(node)) }, { false })
    equal({ #logs - before, #host.requests - asked }, { 0, 0 })
    answers["license-notifications"] = '{"daysLeft":2}'
    host.time = host.time + 86400
    equal({ (probes.licence.run(node)) }, { false })
    equal(#logs - before, 1)
    answers["license-notifications"] = { code = 500 }
    host.time = host.time + 3600
    equal({ (probes.licence.run(node)) }, { nil })
    answers["license-notifications"] = '{"daysLeft":300}' -- what could not be asked is asked again
    equal({ (probes.licence.run(node)) }, { true })
end)

test("the licence is a check, by the API, by hand, or unknown", function()
    local function licence(host, more)
        local spec = { mail = {}, ports = {}, old_paths = {}, api = {}, licence_days = 14, failover_file = "x" }
        for key, value in pairs(more) do
            spec[key] = value
        end
        for _, one in ipairs(host.require "smartermail_checks".checks(spec)) do
            if one.name == "licence" then
                return table.pack(one.run())
            end
        end
    end
    local answers = { ["license-notifications"] = '{"daysLeft":9}' }
    local host, _, node = api_with(answers)
    host.group.nodes = { node }
    host.wall = 1795564800 -- 2026-11-25
    local said = licence(host, { api = api })
    equal({ said[1], said[2] }, { false, "the licence ends in 9 days" })
    answers["license-notifications"] = '{"daysLeft":300}'
    equal(licence(host, { api = api })[1], true)
    equal({ licence(host, { licence_until = "2026-12-09" })[1], licence(host, { licence_until = "2026-12-08" })[1] },
        { true, false })
    equal(licence(host, { licence_until = "2026-12-08" })[2], "until 2026-12-08, 13 days")
    said = licence(host, {})
    equal(said[1], nil)
    says(said[3], "licence_until")
    equal(pcall(licence, host, { licence_until = "next year" }), false)
end)

-- ---- Actions by name -----------------------------------------------------------------------------

test("actions by name are those of the group's servers", function()
    local host = minihost.new { group = { nodes = {} } }
    host.node("server01", { transport = "winrm" })
    local smartermail, nlb = host.require "smartermail", host.require "nlb"
    equal({ smartermail.start_service.name, smartermail.stop_app_pool.name, smartermail.restart.effect },
        { "start MailService", "stop the application pool SmarterMail", "service:MailService.restart" })
    equal({ nlb.start.effect, nlb.stop.effect }, { "address.add", "address.delete" })
    host = minihost.new { group = { nodes = {} }, param = { unit = "sm.service" } }
    host.node("server01", {})
    smartermail = host.require "smartermail"
    equal({ smartermail.stop_service.name, smartermail.stop_app_pool }, { "stop sm.service" })
end)

-- ---- JSON ------------------------------------------------------------------------------------------

test("json: what is there is read, and nothing else", function()
    local json = minihost.new {}.require "json"
    local value = json.read '\t{"a":[1, -2.5e1, null, true], "b\\u00e4":"\\ud83d\\udce7\\n/\\/", "c":{"d":""},"e":null}'
    equal({ value.a[1], value.a[2], tostring(value.a[3]), value.a[4], value["b\u{E4}"], value.c.d, value.e },
        { 1, -25.0, "null", true, "\u{1F4E7}\n//", "" })
    equal({ json.read "[]", json.read '"x"', json.read "false" }, { {}, "x", false })
    for text, why in pairs {
        [""] = "no value at byte 1", ["{"] = "a name in quotes is missing at byte 2", ["[1,]"] = "no value at byte 4",
        ["{\"a\" 1}"] = "a colon is missing at byte 6", ["01"] = "no value", ["1."] = "no value", ["+1"] = "no value",
        ["[1 2]"] = "a comma or ] is missing at byte 4", ["nul"] = "no value", ["1 2"] = "there is more at byte 3",
        ['"a'] = "a text that does not end at byte 1", ['"a\nb"'] = "a text that does not end",
        ['"\\ud800"'] = "an escape that JSON does not have", ['"\\x"'] = "an escape that JSON does not have",
        [("["):rep(100)] = "deeper than 64 levels", ["NaN"] = "no value", ["'a'"] = "no value",
    } do
        local read, said = json.read(text)
        equal(read, nil)
        says(said, why)
    end
    equal({ json.read "null" }, { nil, "it is null" })
    local hostile = 'a"\\\n\0\u{1F4E7}\127'
    equal(json.read(json.quote(hostile)), hostile)
end)

minihost.finish()
