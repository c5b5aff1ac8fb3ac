--- IIS: an application pool on a Windows node.
--
-- Start-WebAppPool and Stop-WebAppPool throw where the pool is in that state already, so a look
-- comes first.

local powershell = require "powershell"
local remote     = require "remote"

local iis = {}

local STATE = [[
Import-Module WebAdministration
$state = "$((Get-WebAppPoolState -Name %s).Value)"
Write-Output $state
if ($state -eq 'Started') { exit 0 }
if ($state -eq 'Stopped') { exit 3 }
exit 5]]

local START = [[
Import-Module WebAdministration
$name = %s
if ((Get-WebAppPoolState -Name $name).Value -ne 'Started') { Start-WebAppPool -Name $name }]]

local STOP = [[
Import-Module WebAdministration
$name = %s
if ((Get-WebAppPoolState -Name $name).Value -ne 'Stopped') { Stop-WebAppPool -Name $name }]]

local BINDINGS = [[
Import-Module WebAdministration
foreach ($one in Get-WebBinding) { if ($one.protocol -like 'http*') { Write-Output $one.bindingInformation } }]]

local stopped = { [3] = true }

--- An application pool, as a service is one.
---@param name string  "SmarterMail"
---@param options? { deadline?: number, attempts?: integer }
---@return Service
function iis.pool(name, options)
    local deadline = options and options.deadline or 30
    local title, thing = "application pool " .. name, "service:pool-" .. name
    local words = { yes = title .. " is started", no = title .. " is stopped" }

    local function look(node)
        local fields = { timeout = math.min(deadline / 2, 10), asks = thing .. ".running" }
        local result = powershell.run(node, fields, STATE, name)
        return remote.answer(result, stopped, words)
    end

    local function command(verb, script)
        return function(node)
            local result = powershell.run(node, { timeout = deadline, effect = thing .. "." .. verb }, script, name)
            return remote.done(result, verb .. " the " .. title)
        end
    end
    local start_on, stop_on = command("start", START), command("stop", STOP)

    local function restart_on(node)
        stop_on(node)
        return start_on(node)
    end

    return {
        name = "pool-" .. name,
        look = look,
        restart_on = restart_on,
        kill_on = stop_on,
        start = action { name = "start the " .. title, run = start_on, look = look, deadline = deadline,
            attempts = options and options.attempts, effect = thing .. ".start" },
        stop = action { name = "stop the " .. title, run = stop_on, deadline = deadline, effect = thing .. ".stop",
            look = function(node)
                local up, detail, unasked = look(node)
                if up == nil then
                    return nil, detail, unasked
                end
                return not up, detail
            end },
        restart = action { name = "restart the " .. title, effect = thing .. ".restart", deadline = deadline,
            run = restart_on },
    }
end

--- What the web sites of a node are bound to: "10.9.0.100:80:" each; nil and why. Waits.
---@param node Node
---@return string[]?
---@return string? why
function iis.bindings(node)
    local result = powershell.run(node, { timeout = 25 }, BINDINGS)
    if not result.ok then
        return nil, remote.complaint(result)
    end
    local list = {}
    for line in result.out:gmatch "[^\r\n]+" do
        list[#list + 1] = line:match "^%s*(.-)%s*$"
    end
    return list
end

return iis
