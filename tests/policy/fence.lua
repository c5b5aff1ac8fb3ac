-- Fences: when a level reports success, and what it never puts on a command line.

package.path = (arg[0]:match("^(.*)/[^/]*$") or ".") .. "/?.lua;" .. package.path
local minihost = require "minihost"
local equal, says, refuses, test = minihost.equal, minihost.says, minihost.refuses, minihost.test

local function ipmi(answers, spec)
    local host = minihost.new { answer = function(request)
        return answers[request.command[#request.command]]
    end }
    local node = host.node("server01", { holds = true })
    spec = spec or { address = { server01 = "10.1.0.1" }, user = "baton", password_file = "/etc/baton/ipmi" }
    return host, host.require "fence".ipmi(spec), node
end

test("ipmi: off when the management controller says so", function()
    local host, level, node = ipmi { status = { out = "Chassis Power is off\n" } }
    equal({ level.look(node) }, { true, "Chassis Power is off" })
    equal(table.concat(host.requests[1].command, " "),
        "ipmitool -I lanplus -N 2 -R 1 -H 10.1.0.1 -p 623 -U baton -f /etc/baton/ipmi chassis power status")
    equal(host.requests[1].asks, "server01.power.off")
end)

test("ipmi: on is not off, and no answer is neither", function()
    local _, level, node = ipmi { status = { out = "Chassis Power is on\n" } }
    equal({ level.look(node) }, { false, "Chassis Power is on" })
    _, level, node = ipmi { status = { code = 1, err = "Error: Unable to establish IPMI v2 / RMCP+ session\n" } }
    equal({ level.look(node) }, { nil, "can't ask: Error: Unable to establish IPMI v2 / RMCP+ session" })
end)

test("ipmi: switches off, and says so when it can't", function()
    local host, level, node = ipmi { off = {} }
    equal((level.run(node)), true)
    equal(host.requests[1].effect, "server01.power.off")
    equal(host.requests[1].node, nil, "asked from")
end)

test("ipmi: says what the management controller has against it", function()
    local _, level, node = ipmi { off = { code = 1, err = "Set Chassis Power Control to Down/Off failed\n" } }
    local done, why = level.run(node)
    equal(done, false)
    says(why, "failed")
end)

test("ipmi: a node that has no management controller is named", function()
    local host, level = ipmi {}
    refuses(function() level.run(host.node "server02") end, "no IPMI address for server02")
end)

local function by_http(answer, spec)
    local host = minihost.new { answer = answer }
    return host, host.require "fence".http(spec), host.node("server01", { holds = true })
end

test("http: with `off` it counts when that says so", function()
    local stopped = false
    local host, level, node = by_http(function(request)
        stopped = stopped or request.method == "POST"
        return request.method == "GET" and { code = stopped and 0 or 404 } or {}
    end, {
        url = function(of) return "https://cloud/servers/" .. of.name .. "/stop" end, secret = "cloud",
        off = { url = function(of) return "https://cloud/servers/" .. of.name end, match = '"status":"stopped"' },
    })
    equal((level.look(node)), false)
    equal((level.run(node)), true)
    equal((level.look(node)), true)
    equal(host.requests[2].url, "https://cloud/servers/server01/stop")
    equal(host.requests[2].secret, "cloud")
    equal(host.requests[2].effect, "server01.power.off")
end)

test("http: no answer is no success", function()
    local _, level, node = by_http(function() return { unknown = true, detail = "no route" } end,
        { url = "https://cloud/stop" })
    equal({ level.run(node) }, { false, "no route" })
end)

test("kill: the address first, then the services, by force", function()
    local host = minihost.new { group = { floating = "10.9.0.100/24", interface = "eth0" } }
    local node = host.node("server01", { holds = true })
    local unit = host.require "service".systemd "postfix.service"
    local level = host.require "fence".kill { services = { unit }, address = true }
    equal((level.run(node)), true)
    equal({ host.requests[1].effect, host.requests[2].effect }, { "address.delete", "service:postfix.service.stop" })
    says(host.requests[2].command[3], "--signal=KILL")
end)

test("kill: a node that can't be asked is not asked again", function()
    local host = minihost.new { group = { floating = "10.9.0.100/24", interface = "eth0" },
        answer = function() return { unknown = true, detail = "ssh: no route" } end }
    local level = host.require "fence".kill { address = true }
    local done, why = level.run(host.node("server01", { holds = true }))
    equal(done, nil)
    says(why, "ssh: no route")
    equal(#host.requests, 1)
end)

local function decoded(command)
    local pipe = assert(io.popen("printf %s '" .. command[#command] .. "' | base64 -d | iconv -f UTF-16LE -t UTF-8"))
    local text = pipe:read "a"
    pipe:close()
    return text
end

test("nlb: the other nodes do it, one after another", function()
    local host = minihost.new { answer = function(request)
        return request.node.name == "server02" and { code = 1, err = "Access is denied\n" } or {}
    end }
    local node = host.node("server01", { holds = true })
    host.node "server02"
    host.node "server03"
    equal({ host.require "fence".nlb { interface = "WAN" }.run(node) }, { true, "exit 0" })
    says(decoded(host.requests[2].command),
        "Get-NlbClusterNode -HostName 'server03' -InterfaceName 'WAN' -NodeName 'server01' | Stop-NlbClusterNode")
    equal(host.requests[2].effect, "server01.address.delete")
end)

test("nlb: it counts when another node says that it is stopped", function()
    local state = {}
    local host = minihost.new { answer = function(request) return state[request.node.name] end }
    local node = host.node("server01", { holds = true })
    local level = host.require "fence".nlb { interface = "WAN" }
    equal({ level.look(node) }, { nil, "there is no other node to do it" })
    host.node "server02"
    host.node "server03"
    state.server02 = { code = 1, err = "RPC server is unavailable\n" }
    equal({ level.look(node) }, { false, "its NLB node is started, as server03 says" })
    state.server03 = { code = 3 }
    equal({ level.look(node) }, { true, "its NLB node is stopped, as server03 says" })
    state.server03 = { code = 5 } -- on its way
    local there, why = level.look(node)
    equal(there, nil)
    says(why, "server02: can't say: RPC server is unavailable; server03: ")
    state.server03 = { code = 1, err = "no\n" }
    equal({ (level.run(node)) }, { false })
    equal(host.requests[#host.requests - 2].asks, "server01.address.up")
end)

test("powershell: no value gets out of its quotes", function()
    local powershell = minihost.new {}.require "powershell"
    local hostile = { "it's", "'; Remove-Item C:\\ #", "\u{2019}; exit", "$(whoami)", "`n", "a\nb", "\u{1F4E7}", "%s" }
    for _, value in ipairs(hostile) do
        local text = decoded(powershell.request("Write-Output %s", value).command)
        local inside = text:match "Write%-Output '(.*)'\n} catch"
        for _, quote in ipairs { "'", "\u{2018}", "\u{2019}", "\u{201A}", "\u{201B}" } do
            inside = inside:gsub(quote .. quote, "")
            equal(inside:find(quote, 1, true), nil, value)
        end
    end
    equal(powershell.quote "WAN", "'WAN'")
    refuses(function() powershell.quote "a\0b" end, "no zero byte")
end)

test("powershell: -EncodedCommand is base64 of UTF-16LE, whatever the length", function()
    local powershell = minihost.new {}.require "powershell"
    for length = 0, 5 do
        says(decoded(powershell.request("Write-Output %s", ("x"):rep(length)).command), "'" .. ("x"):rep(length) .. "'")
    end
end)

test("powershell: what is too long for a command line comes on standard input", function()
    local powershell = minihost.new {}.require "powershell"
    local request = powershell.request("Write-Output %s", ("x"):rep(4000))
    says(decoded(request.command), "[Console]::In.ReadToEnd()")
    local pipe = assert(io.popen("printf %s '" .. request.input .. "' | base64 -d"))
    says(pipe:read "a", ("x"):rep(4000))
    pipe:close()
    equal(powershell.request("exit 3").input, nil)
end)

minihost.finish()
