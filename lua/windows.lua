--- Windows nodes: services, and what the shipped probes ask of them instead of sh.
--
-- Nothing is installed there; each command is a PowerShell script (see powershell.lua), sent by
-- the node's transport, winrm.

local powershell = require "powershell"
local remote     = require "remote"

local windows = {}

--- Is the node a Windows one?
---@param node Node
---@return boolean
function windows.is(node)
    return node.transport == "winrm"
end

-- ---- Services ------------------------------------------------------------------------------

-- 0: it runs. 3: it is stopped. 5: it is on its way, and there is no answer yet.
local STATUS = [[
$service = Get-Service -Name %s
Write-Output "$($service.Status)"
if ($service.Status -eq 'Running') { exit 0 }
if ($service.Status -eq 'Stopped') { exit 3 }
exit 5]]

local START = "Start-Service -Name %s"
local STOP = "Stop-Service -Name %s -Force"

-- A service that hangs in its stop has a process all the same.
local KILL = [[
$name = %s
$process = (Get-CimInstance -ClassName Win32_Service | Where-Object { $_.Name -eq $name }).ProcessId
if ($process -gt 0) { Stop-Process -Id $process -Force }
exit 0]]

local stopped = { [3] = true }

--- A Windows service, by its short name ("MailService").
---@param name string
---@param options? { deadline?: number, attempts?: integer }
---@return Service
function windows.service(name, options)
    local deadline = options and options.deadline or 60
    local thing = "service:" .. name
    local words = { yes = name .. " runs", no = name .. " is stopped" }

    local function look(node)
        local fields = { timeout = math.min(deadline / 2, 10), asks = thing .. ".running" }
        local result = powershell.run(node, fields, STATUS, name)
        return remote.answer(result, stopped, words)
    end

    local function command(verb, script)
        return function(node)
            local result = powershell.run(node, { timeout = deadline, effect = thing .. "." .. verb }, script, name)
            return remote.done(result, verb .. " " .. name)
        end
    end
    local start_on, stop_on = command("start", START), command("stop", STOP)

    local function restart_on(node)
        local _, stop_why = stop_on(node)
        local done, why = start_on(node)
        if not done and stop_why then
            why = why .. " (before it: " .. stop_why .. ")"
        end
        return done, why
    end

    return {
        name = name,
        look = look,
        restart_on = restart_on,
        kill_on = function(node)
            local result = powershell.run(node, { timeout = deadline, effect = thing .. ".stop" }, KILL, name)
            return remote.done(result, "kill " .. name)
        end,
        start = action { name = "start " .. name, run = start_on, look = look, deadline = deadline,
            attempts = options and options.attempts, effect = thing .. ".start" },
        stop = action { name = "stop " .. name, run = stop_on, deadline = deadline, effect = thing .. ".stop",
            look = function(node)
                local runs, detail, unasked = look(node)
                if runs == nil then
                    return nil, detail, unasked
                end
                return not runs, detail
            end },
        restart = action { name = "restart " .. name, effect = thing .. ".restart", deadline = deadline,
            run = restart_on },
    }
end

-- StartMode: Auto, Manual, Disabled. Get-Service has it only in newer versions.
local FACTS = [[
$name = %s
foreach ($one in Get-CimInstance -ClassName Win32_Service) {
    if ($one.Name -eq $name) {
        Write-Output "start $($one.StartMode)"
        Write-Output "account $($one.StartName)"
    }
}]]

--- How a service starts ("Auto", "Manual" …), and as whom ("LocalSystem"); nil and why. Waits.
---@param node Node
---@param name string
---@return { start: string, account: string }?
---@return string? why
function windows.service_facts(node, name)
    local result = powershell.run(node, { timeout = 25 }, FACTS, name)
    if not result.ok then
        return nil, remote.complaint(result)
    end
    local facts = {}
    for line in result.out:gmatch "[^\r\n]+" do
        local key, value = line:match "^(%l+) (.-)%s*$"
        if key then
            facts[key] = value
        end
    end
    if not facts.start then
        return nil, "there is no service " .. name
    end
    facts.account = facts.account or ""
    return facts
end

local ACCESS = [[
foreach ($rule in (Get-Acl -LiteralPath %s).Access) {
    Write-Output "$($rule.AccessControlType)|$($rule.IdentityReference)|$($rule.FileSystemRights)"
}]]

--- Who may do what with a folder; nil and why. Waits.
---@param node Node
---@param path string
---@return { kind: string, who: string, rights: string }[]?
---@return string? why
function windows.access(node, path)
    local result = powershell.run(node, { timeout = 25 }, ACCESS, path)
    if not result.ok then
        return nil, remote.complaint(result)
    end
    local list = {}
    for line in result.out:gmatch "[^\r\n]+" do
        local kind, who, rights = line:match "^([^|]*)|([^|]*)|(.-)%s*$"
        if kind then
            list[#list + 1] = { kind = kind, who = who, rights = rights }
        end
    end
    return list
end

local LISTENERS = [[
foreach ($one in Get-NetTCPConnection -State Listen) { Write-Output "$($one.LocalAddress) $($one.LocalPort)" }]]

--- Addresses and ports that are listened on, "10.9.0.100 25" a line. Waits.
---@param node Node
---@return Result
function windows.listeners(node)
    return powershell.run(node, { timeout = 25 }, LISTENERS)
end

-- WebAdministration brings scripts of its own, which a policy of Restricted does not load.
local REMOTING = [[
Import-Module NetworkLoadBalancingClusters
Import-Module WebAdministration
Write-Output "$(Get-ExecutionPolicy)"]]

--- Can the modules be loaded that the policies need? Prints the execution policy. Waits.
---@param node Node
---@return Result
function windows.remoting(node)
    return powershell.run(node, { timeout = 30 }, REMOTING)
end

-- ---- For the shipped probes ------------------------------------------------------------------

-- By the account that Baton uses. The service's own account may see it otherwise.
local SHARE = [[
$file = [IO.Path]::Combine(%s, '.baton-' + [Guid]::NewGuid().ToString())
[IO.File]::WriteAllText($file, 'x')
[IO.File]::Delete($file)]]

-- In 100 ns since the year 1, which no language of Windows writes in another way.
local CLOCK = "Write-Output ([DateTime]::UtcNow.Ticks)"
local TICKS_OF_1970, TICKS = 621355968000000000, 10000000

--- The request of probe.share on a Windows node.
---@param path string  "\\NAS01\SmarterMail"
---@param timeout number
---@return table
function windows.share_request(path, timeout)
    local request = powershell.request(SHARE, path)
    request.timeout, request.asks = timeout, "share.ok"
    return request
end

--- The node's clock in seconds since 1970, or nil and why not. Waits.
---@param node Node
---@param timeout number
---@return number? seconds
---@return string? why
function windows.clock(node, timeout)
    local result = powershell.run(node, { timeout = timeout, asks = "clock" }, CLOCK)
    local said = result.ok and tonumber(result.out:match("^%s*([%d.]+)"))
    if not said then
        return nil, result.detail
    elseif said > TICKS_OF_1970 then
        said = (said - TICKS_OF_1970) / TICKS
    end
    return said
end

return windows
