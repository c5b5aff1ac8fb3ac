--- Windows Network Load Balancing: the node's part of the cluster, which has the floating address.
--
-- In this set-up one node of the cluster is started at a time (filtering mode Single Host, initial
-- host state Stopped), so the node that is started has the address. The source document's prose
-- puts the interface name into -HostName; its scripts have it right, and so has this.

local powershell = require "powershell"
local remote     = require "remote"

local nlb = {}

-- 0: started and converged. 3: stopped. 5: on its way.
local STATE = [[
Import-Module NetworkLoadBalancingClusters
$state = "$((Get-NlbClusterNode -HostName %s -InterfaceName %s -NodeName %s).State)"
Write-Output $state
if ($state -eq 'Stopped') { exit 3 }
if ($state -eq 'Started' -or $state -like 'Converged*') { exit 0 }
exit 5]]

local START = [[
Import-Module NetworkLoadBalancingClusters
Start-NlbClusterNode -HostName %s -InterfaceName %s | Out-Null]]

local STOP = [[
Import-Module NetworkLoadBalancingClusters
Stop-NlbClusterNode -HostName %s -InterfaceName %s | Out-Null]]

local DRAIN = [[
Import-Module NetworkLoadBalancingClusters
Stop-NlbClusterNode -HostName %s -InterfaceName %s -Drain -Timeout %s | Out-Null]]

local STOP_OTHER = [[
Import-Module NetworkLoadBalancingClusters
Get-NlbClusterNode -HostName %s -InterfaceName %s -NodeName %s | Stop-NlbClusterNode | Out-Null]]

-- Mode: as the module's own documents print it, where the property has another name.
local FACTS = [[
Import-Module NetworkLoadBalancingClusters
$cluster = Get-NlbCluster -HostName %s -InterfaceName %s
$mode = "$($cluster.OperationMode)"
if ($mode -eq '') { $mode = "$($cluster.Mode)" }
Write-Output "mode $mode"
Write-Output "address $($cluster.IPAddress)"
$node = Get-NlbClusterNode -HostName %s -InterfaceName %s -NodeName %s
Write-Output "initial $($node.InitialHostState)"
Write-Output "priority $($node.HostPriority)"
Write-Output "state $($node.State)"
foreach ($rule in Get-NlbClusterPortRule -HostName %s -InterfaceName %s) {
    Write-Output "rule $($rule.Mode) $($rule.StartPort)-$($rule.EndPort)"
}]]

local stopped = { [3] = true }
local words = { yes = "its NLB node is started", no = "its NLB node is stopped" }

---@class NlbSpec
---@field interface? string  of the cluster on the nodes ("WAN"): Get-NlbClusterNodeNetworkInterface
---@field deadline? number   seconds for one start or stop (30)
---@field attempts? integer  of a start, in a move (1)
---@field drain? integer     minutes to let connections end before a stop (0: none)

---@class NlbNode
---@field start Action       ends when the cluster says that it is started
---@field stop Action
---@field look fun(node: Node): boolean?, string, boolean?
---@field start_on fun(node: Node): boolean?, string?  the start itself, for remedies

--- The node's part of the cluster.
---@param spec? NlbSpec
---@return NlbNode
function nlb.node(spec)
    spec = spec or {}
    local interface, deadline = spec.interface or "WAN", spec.deadline or 30

    local function look(node)
        local fields = { timeout = math.min(deadline / 2, 10), asks = "address.up" }
        local result = powershell.run(node, fields, STATE, node.name, interface, node.name)
        return remote.answer(result, stopped, words)
    end

    local function start_on(node)
        local fields = { timeout = deadline, effect = "address.add" }
        local result = powershell.run(node, fields, START, node.name, interface)
        return remote.done(result, "start the NLB node")
    end

    local function stop_on(node)
        local fields = { timeout = deadline, effect = "address.delete" }
        local result
        if (spec.drain or 0) > 0 then
            result = powershell.run(node, fields, DRAIN, node.name, interface, spec.drain)
        else
            result = powershell.run(node, fields, STOP, node.name, interface)
        end
        return remote.done(result, "stop the NLB node")
    end

    return {
        look = look,
        start_on = start_on,
        start = action { name = "start the NLB node", run = start_on, look = look, deadline = deadline,
            attempts = spec.attempts, effect = "address.add" },
        stop = action { name = "stop the NLB node", run = stop_on, deadline = deadline, effect = "address.delete",
            look = function(node)
                local up, detail, unasked = look(node)
                if up == nil then
                    return nil, detail, unasked
                end
                return not up, detail
            end },
    }
end

--- A probe of it: does the node have the address? Where it should, only on the holder.
---@param spec NlbSpec|ProbeOptions
---@return Probe
function nlb.probe(spec)
    local part = nlb.node { interface = spec.interface, deadline = spec.timeout }
    return probe.custom { every = spec.every, timeout = spec.timeout, fall = spec.fall, rise = spec.rise,
        on = spec.on or "holder", pure = true, run = part.look }
end

--- Has `node` its part of the cluster started, as another node says? Waits.
---@param other Node
---@param node Node
---@param interface string
---@param timeout number
---@return boolean? started  nil: it can't say
---@return string detail
function nlb.look_from(other, node, interface, timeout)
    local fields = { timeout = timeout, asks = node.name .. ".address.up" }
    local result = powershell.run(other, fields, STATE, other.name, interface, node.name)
    return remote.answer(result, stopped, words)
end

--- Stop `node`'s part of the cluster from another node. Waits. Whether it is stopped then says
--- look_from.
---@param other Node
---@param node Node
---@param interface string
---@param timeout number
---@return boolean done
---@return string why
function nlb.stop_from(other, node, interface, timeout)
    local fields = { timeout = timeout, effect = node.name .. ".address.delete" }
    local result = powershell.run(other, fields, STOP_OTHER, other.name, interface, node.name)
    return result.ok, remote.complaint(result)
end

---@class NlbFacts
---@field mode string      of the cluster: "MULTICAST"
---@field address string   of the cluster
---@field initial string   the node's initial host state: "Stopped"
---@field priority integer?
---@field state string     "Converged(default)", "Stopped" …
---@field rules { mode: string, ports: string }[]

--- How the node's part of the cluster is set up; nil and why. Waits.
---@param node Node
---@param interface string
---@return NlbFacts?
---@return string? why
function nlb.facts(node, interface)
    local name = node.name
    local result = powershell.run(node, { timeout = 25 }, FACTS, name, interface, name, interface, name,
        name, interface)
    if not result.ok then
        return nil, remote.complaint(result)
    end
    local facts = { mode = "", address = "", initial = "", state = "", rules = {} }
    for line in result.out:gmatch "[^\r\n]+" do
        local key, value = line:match "^(%l+) ?(.*)$"
        if key == "rule" then
            local mode, ports = value:match "^(%S+) (.*)$"
            facts.rules[#facts.rules + 1] = { mode = mode, ports = ports }
        elseif key then
            facts[key] = key == "priority" and math.tointeger(tonumber(value)) or value
        end
    end
    return facts
end

-- For policies that name them.
local default = nlb.node { interface = type(param.interface) == "string" and param.interface or nil }
nlb.start, nlb.stop = default.start, default.stop ---@type Action, Action

return nlb
