-- Writes every PowerShell script that the modules of lua/ send, with hostile values in it, into the
-- folder given: snippets.lua FOLDER. A module that requires powershell and sends none is an error.

package.path = (arg[0]:match("^(.*)/[^/]*/[^/]*$") or ".") .. "/policy/?.lua;" .. package.path
arg[0] = arg[0]:gsub("/windows/[^/]*$", "/policy/x.lua") -- where minihost looks for the tree
local minihost = require "minihost"

local folder, count, by_module = arg[1], 0, {}
local HOSTILE = "it's \u{2019}; $(exit) `n \"x\" | & {"

-- Calls every function that it finds, with a node; what it says does not matter.
local function call_all(value, node, seen)
    if type(value) == "function" then
        pcall(value, node)
    elseif type(value) == "table" and not seen[value] then
        seen[value] = true
        for _, item in pairs(value) do
            call_all(item, node, seen)
        end
    end
end

local made = {
    windows = function(host, m)
        local service = m.service(HOSTILE)
        return { service, function(node) return m.clock(node, 1) end,
            function() return host.require "powershell", m.share_request(HOSTILE, 1) end }
    end,
    iis = function(_, m) return m.pool(HOSTILE) end,
    nlb = function(host, m)
        return { m.node { interface = HOSTILE }, m.node { interface = HOSTILE, drain = 5 },
            function(node)
                m.look_from(host.node("server02", {}), node, HOSTILE, 5)
                return m.stop_from(host.node("server02", {}), node, HOSTILE, 5)
            end }
    end,
}

local list = io.popen("grep -l 'require \"powershell\"' " .. minihost.root .. "/lua/*.lua")
for file in list:lines() do
    local name = file:match "([^/]*)%.lua$"
    local make = made[name] or error(file .. " sends PowerShell and tests/windows/snippets.lua does not know it")
    local host = minihost.new { group = { floating = "10.9.0.100/24", share = HOSTILE },
        answer = function() return { code = 1 } end }
    local powershell = host.require "powershell"
    local request = powershell.request
    powershell.request = function(script, ...)
        local values = {}
        for i = 1, select("#", ...) do
            values[i] = powershell.quote((select(i, ...)))
        end
        count = count + 1
        by_module[name] = (by_module[name] or 0) + 1
        local out = assert(io.open(("%s/%s-%d.ps1"):format(folder, name, count), "w"))
        out:write(script:format(table.unpack(values)), "\n")
        out:close()
        return request(script, ...)
    end
    call_all(make(host, host.require(name)), host.node("server01", { transport = "winrm" }), {})
    if not by_module[name] then
        error(file .. " sent no PowerShell")
    end
end
list:close()
print(count)
