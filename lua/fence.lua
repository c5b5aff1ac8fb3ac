--- Fences: what is done to a node that may still serve and can't be seen out.
--
-- A policy lists levels, mildest first; each is one action with its own deadline, tried only
-- while the node is not confirmed out. A level counts if it reports success, and all here
-- report it only when they have seen it; or if a look at the node, made after it, sees it out.
--
--   fence = {
--       fence.kill { services = { smtp_service }, address = true },   -- by ssh, hard
--       fence.ipmi { address = { server01 = "10.1.0.1", server02 = "10.1.0.2" },
--                    user = "baton", password_file = "/etc/baton/ipmi" },
--       hook "fence",                                                -- an administrator's own
--   },
--   unconfirmed = "fence",

local floating_ip = require "floating_ip"
local nlb         = require "nlb"
local remote      = require "remote"

local fence = {}

-- A setting that is the same for all nodes, one for each by name, or a function of the node.
local function of(setting, node, what)
    local value = setting
    if type(setting) == "table" then
        value = setting[node.name]
    elseif type(setting) == "function" then
        value = setting(node)
    end
    if value == nil or value == "" then
        error(("fence: no %s for %s"):format(what, node.name), 0)
    end
    return tostring(value)
end

-- What the simulated world makes of it, for one node.
local function power(node, verb)
    return node.name .. ".power." .. verb
end

-- ---- By the node itself ------------------------------------------------------------------

---@class KillFence
---@field services? Service[]  whose processes are killed, not asked
---@field address? boolean     the floating address is removed first
---@field deadline? number     seconds (10)

--- Enter the node once more and stop hard what serves there: take the address away, kill the
--- services' processes. Success is what the services' own looks say after it.
---@param spec KillFence
---@return Action
function fence.kill(spec)
    local deadline = spec.deadline or 10
    return action {
        name = "fence: kill what serves",
        effect = spec.address and "address.delete" or nil,
        deadline = deadline,
        run = function(node)
            local complaints = {}
            if spec.address then
                local done, why = floating_ip.remove_on(node, { deadline = deadline })
                if done == nil then
                    return nil, why
                end
                complaints[#complaints + 1] = not done and why or nil
            end
            for _, service in ipairs(spec.services or {}) do
                local done, why = service.kill_on(node)
                complaints[#complaints + 1] = not done and why or nil
            end
            return #complaints == 0, table.concat(complaints, "; ")
        end,
    }
end

-- ---- By a power switch -------------------------------------------------------------------

---@class IpmiFence
---@field address string|table<string, string>|fun(node: Node): string  of the management controller
---@field user string|table<string, string>
---@field password_file string|table<string, string>  on the controller; never on a command line
---@field interface? string  of ipmitool ("lanplus")
---@field port? integer      (623)
---@field deadline? number   seconds (20)

--- Switch the node's power off by its management controller (IPMI; Debian: ipmitool), and wait
--- until that says that it is off.
---@param spec IpmiFence
---@return Action
function fence.ipmi(spec)
    local deadline = spec.deadline or 20

    local function ipmitool(node, verb, fields)
        fields.command = {
            "ipmitool", "-I", spec.interface or "lanplus", "-N", "2", "-R", "1",
            "-H", of(spec.address, node, "IPMI address"), "-p", tostring(spec.port or 623),
            "-U", of(spec.user, node, "IPMI user"), "-f", of(spec.password_file, node, "IPMI password_file"),
            "chassis", "power", verb,
        }
        fields.timeout = math.min(deadline, 8)
        return exec(fields)
    end

    return action {
        name = "fence: power off by IPMI",
        effect = "power.off",
        deadline = deadline,
        look = function(node)
            local result = ipmitool(node, "status", { asks = power(node, "off") })
            if not result.ok then
                return nil, "can't ask: " .. remote.complaint(result)
            end
            if result.out == "" then
                return true, "the power is off" -- the simulated world answers by its exit code
            end
            return result.out:find("is off", 1, true) ~= nil, result.out:match("[^\r\n]*")
        end,
        run = function(node)
            local result = ipmitool(node, "off", { effect = power(node, "off") })
            return result.ok, remote.complaint(result)
        end,
    }
end

-- ---- By a service of others ---------------------------------------------------------------

---@class HttpFenceCall
---@field url string|table<string, string>|fun(node: Node): string
---@field method? string   ("POST"; "GET" to ask)
---@field body? string|table<string, string>|fun(node: Node): string
---@field headers? table<string, string>
---@field secret? string   name of a secret, sent as bearer token
---@field expect? integer  status; any below 400 if missing
---@field match? string    what the answer must contain
---@field verify? boolean  check the certificate (true)
---@field ca_file? string

---@class HttpFence : HttpFenceCall
---@field off HttpFenceCall?   asks whether the node is off: an answer that matches is a yes
---@field deadline? number     seconds (30)

--- Have a cloud or a switch with an HTTP interface stop the node. With `off` it counts only when
--- that says so; without, an answer as expected is taken as success.
---@param spec HttpFence
---@return Action
function fence.http(spec)
    local deadline = spec.deadline or 30

    local function call(node, what, verb, fields)
        return http {
            url = of(what.url, node, "URL"), method = what.method or verb,
            body = what.body and of(what.body, node, "body"), headers = what.headers, secret = what.secret,
            expect = what.expect, match = what.match, verify = what.verify, ca_file = what.ca_file,
            timeout = math.min(deadline, 10), effect = fields.effect, asks = fields.asks,
        }
    end

    return action {
        name = "fence: stop it by HTTP",
        effect = "power.off",
        deadline = deadline,
        look = spec.off and function(node)
            local result = call(node, spec.off, "GET", { asks = power(node, "off") })
            if result.unknown then
                return nil, "can't ask: " .. result.detail
            end
            return result.ok, result.ok and "it says the node is off" or result.detail
        end or nil,
        run = function(node)
            local result = call(node, spec, "POST", { effect = power(node, "off") })
            return result.ok, result.detail
        end,
    }
end

-- ---- By its cluster ------------------------------------------------------------------------

---@class NlbFence
---@field interface string   of the cluster on the nodes, such as "WAN"
---@field deadline? number   seconds (20)

--- From each other node in turn, stop the node's part of the Windows NLB cluster. It counts when
--- the cluster, asked again, says that it is stopped.
---@param spec NlbFence
---@return Action
function fence.nlb(spec)
    local deadline = spec.deadline or 20

    -- The first answer of another node that `ask` takes for one, or nil and what all said.
    local function first(node, ask)
        local complaints = {}
        for _, other in ipairs(group.nodes) do
            if other ~= node then
                local answer, why = ask(other, node, spec.interface, deadline / 4)
                if answer ~= nil then
                    return answer, why, other
                end
                complaints[#complaints + 1] = other.name .. ": " .. why
            end
        end
        return nil, #complaints > 0 and table.concat(complaints, "; ") or "there is no other node to do it"
    end

    return action {
        name = "fence: stop its NLB node",
        effect = "address.delete",
        deadline = deadline,
        look = function(node)
            local started, why, other = first(node, nlb.look_from)
            if started == nil then
                return nil, why
            end
            return not started, ("%s, as %s says"):format(why, other.name)
        end,
        run = function(node)
            local done, why = first(node, function(...)
                local stopped, complaint = nlb.stop_from(...)
                return stopped or nil, complaint
            end)
            return done == true, why
        end,
    }
end

return fence
