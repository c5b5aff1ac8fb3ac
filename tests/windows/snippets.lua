-- Writes every PowerShell script that the modules of lua/ send, with hostile values in it, into the
-- folder given: snippets.lua FOLDER. A module that can send PowerShell and is not known here is an
-- error, and so is a line of it that sends something and was not come by.

package.path = (arg[0]:match("^(.*)/[^/]*/[^/]*$") or ".") .. "/policy/?.lua;" .. package.path
arg[0] = arg[0]:gsub("/windows/[^/]*$", "/policy/x.lua") -- where minihost looks for the tree
local minihost = require "minihost"

local folder, count, by_module = arg[1], 0, {}
local HOSTILE = "it's \u{2019}; $(exit) `n \"x\" | & { %s %PATH% [x] \u{1F4E7} ünï"

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

-- Every function of a module, with hostile values behind the node.
local function all_of(m)
    local list = {}
    for key, value in pairs(m) do
        list[key] = type(value) == "function" and function(node)
            return value(node, HOSTILE, HOSTILE, HOSTILE, HOSTILE)
        end or nil
    end
    return list
end

local made = {
    windows = function(_, m)
        local list = all_of(m)
        list.service, list.clock = m.service(HOSTILE), function(node) return m.clock(node, 1) end
        list.share_request = function() return m.share_request(HOSTILE, 1) end
        return list
    end,
    iis = function(_, m) return { m.pool(HOSTILE), m.bindings } end,
    both = function(_, m)
        return function(node)
            m.run(node, 1, "", "Write-Output %s", HOSTILE)
            m.ask(node, "", "Write-Output %s", {}, HOSTILE)
        end
    end,
    copies = function(_, m)
        return function(node)
            m.run(node, { from = HOSTILE, to = HOSTILE .. "\\", skip = { HOSTILE, "b" }, mirror = true, count = true })
            m.run(node, { from = "C:\\", to = HOSTILE, only = { HOSTILE, "dat" } })
        end
    end,
    windows_files = function(_, m) return all_of(m) end,
    shared_folder = function(_, m)
        local list = all_of(m)
        list.make = function(node) return m.make(node, HOSTILE, { like = "", grant = HOSTILE .. "," .. HOSTILE }) end
        list.sign = function(node) return m.sign(node, HOSTILE, node) end
        list.fill = function(node) return m.fill(node, HOSTILE, function() return true end) end
        return list
    end,
    preflight = function(host, m)
        return function(node)
            host.node("server02", { transport = "winrm" })
            local spec = { probes = { share = { kind = "share" } } }
            for _, one in ipairs(m.checks(spec, { clock = function() end, ask = function() end })) do
                pcall(one.run, node)
            end
        end
    end,
    smartermail_checks = function(_, m)
        return function(node)
            local spec = { failover_file = HOSTILE, old_paths = {}, ports = {}, mail = {}, api = {}, licence_days = 1 }
            for _, one in ipairs(m.checks(spec)) do
                pcall(one.run, node)
            end
        end
    end,
    bindings = function(_, m)
        return function(node) return m.ports_are_bound(node, { 25 }, HOSTILE), m.sites_are_bound(node, HOSTILE) end
    end,
    nlb = function(host, m)
        return { m.node { interface = HOSTILE }, m.node { interface = HOSTILE, drain = 5 },
            function(node)
                m.facts(node, HOSTILE)
                m.look_from(host.node("server02", {}), node, HOSTILE, 5)
                return m.stop_from(host.node("server02", {}), node, HOSTILE, 5)
            end }
    end,
}

-- Lines of modules that ran, as "lua/x.lua:12".
local ran = {}
debug.sethook(function(_, line)
    ran[debug.getinfo(2, "S").short_src .. ":" .. line] = true
end, "l")

local function not_come_by(name)
    local number, missed = 0, {}
    for line in io.lines(("%s/lua/%s.lua"):format(minihost.root, name)) do
        number = number + 1
        local sends = line:find "powershell%.r%a+%(" or line:find "both%.run%(" or line:find "both%.ask%("
            or line:find "[^%w_]ps%("
        local is_code = not line:find "function" and not line:find "^%s*%-%-"
        if sends and is_code and not ran[("lua/%s.lua:%d"):format(name, number)] then
            missed[#missed + 1] = tostring(number)
        end
    end
    return missed
end

-- What nodes answer, where more is asked after a good answer only.
local ANSWERS = { preflight = {}, shared_folder = {}, smartermail_checks = { out = "domainlist.xml\r\n" } }

local list = io.popen("grep -lE 'require \"(powershell|both)\"' " .. minihost.root .. "/lua/*.lua")
for file in list:lines() do
    local name = file:match "([^/]*)%.lua$"
    local make = made[name] or error(file .. " sends PowerShell and tests/windows/snippets.lua does not know it")
    local host = minihost.new { group = { floating = "10.9.0.100/24", share = HOSTILE },
        answer = function() return ANSWERS[name] or { code = 1 } end }
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
    local missed = not_come_by(name)
    if #missed > 0 then
        error(("%s sends something that was not sent here, at line %s"):format(file, table.concat(missed, ", ")))
    end
end
list:close()
print(count)
