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

minihost.finish()
