--- What a node listens on: are ports and web sites bound to the clients' address, and to no other?

local both    = require "both"
local iis     = require "iis"
local remote  = require "remote"
local windows = require "windows"

local bindings = {}

local LISTENERS = "ss -Hltn"

-- Lines of ss ("LISTEN 0 100 10.9.0.100:25 …"), or "10.9.0.100 25".
local function listeners(node)
    local result = both.is_windows(node) and windows.listeners(node)
        or node:exec { command = remote.shell(LISTENERS), timeout = 25 }
    if not result.ok then
        return nil, remote.complaint(result)
    end
    local list = {}
    for line in result.out:gmatch "[^\r\n]+" do
        local at, port = line:match "^%s*(%S+)%s+(%d+)%s*$"
        if not at then
            at, port = line:match "^%S+%s+%d+%s+%d+%s+(%S+):(%d+)%s"
        end
        if port then
            list[#list + 1] = { address = at:gsub("^%[(.*)%]$", "%1"), port = math.tointeger(tonumber(port)) }
        end
    end
    return list
end

---@class Bound
---@field wrong string[]    "0.0.0.0:25": bound to another address
---@field missing string[]  "143": not bound to this one

--- How the ports are bound. nil and why where it can't be found out. Waits.
---@param node Node
---@param ports integer[]
---@param address string
---@return Bound?
---@return string? why
function bindings.ports(node, ports, address)
    local list, why = listeners(node)
    if not list then
        return nil, why
    end
    local is, bound = {}, { wrong = {}, missing = {} }
    for _, one in ipairs(list) do
        is[one.port] = is[one.port] or one.address == address
        for _, port in ipairs(ports) do
            if one.port == port and one.address ~= address then
                bound.wrong[#bound.wrong + 1] = ("%s:%d"):format(one.address, port)
            end
        end
    end
    for _, port in ipairs(ports) do
        if not is[port] then
            bound.missing[#bound.missing + 1] = tostring(port)
        end
    end
    table.sort(bound.wrong)
    return bound
end

--- Are all ports bound to the address, and to no other? nil where it can't be found out. Waits.
---@param node Node
---@param ports integer[]
---@param address string
---@return boolean?
---@return string detail
function bindings.ports_are_bound(node, ports, address)
    local bound, why = bindings.ports(node, ports, address)
    if not bound then
        return nil, why or "can't say"
    elseif #bound.wrong > 0 then
        return false, "bound to another address: " .. table.concat(bound.wrong, ", ")
    elseif #bound.missing > 0 then
        return false, ("not bound to %s: %s"):format(address, table.concat(bound.missing, ", "))
    end
    return true, "all are bound to " .. address
end

--- Is each web site of IIS bound to the address? nil where it can't be found out. Waits.
---@param node Node
---@param address string
---@return boolean?
---@return string detail
function bindings.sites_are_bound(node, address)
    local list, why = iis.bindings(node)
    if not list then
        return nil, why or "can't say"
    end
    for _, one in ipairs(list) do
        if one:match "^(.*):%d+:[^:]*$" ~= address then
            return false, "bound to " .. one
        end
    end
    return #list > 0, #list == 0 and "no site is bound" or table.concat(list, ", ")
end

return bindings
