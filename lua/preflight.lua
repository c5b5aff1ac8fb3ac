--- The checks that every policy gets, for `baton preflight` and for the standby's readiness.
--
-- A policy that has a check of one of these names itself keeps its own. What the nodes can't say Baton
-- adds: what becomes of a server that is out of reach, what was explored, when the last drill was.

local both   = require "both"
local remote = require "remote"

local preflight = {}

local NO = { [3] = true }

local function list_of(nodes)
    local names = {}
    for i, node in ipairs(nodes) do
        names[i] = node.name
    end
    return table.concat(names, ", ")
end

-- Among peers the Baton of one node enters no other.
local function are_peers()
    for _, node in ipairs(group.nodes) do
        if node.transport == "peer" then
            return true
        end
    end
    return false
end

-- ---- The servers ------------------------------------------------------------------------------

local servers = {
    name = "servers", title = "there are two servers or more", on = "group",
    advice = 'add a second <node name="…" address="…" priority="2"> to the group',
    run = function()
        local count = #group.nodes
        return count >= 2, count == 1 and "one server: " .. list_of(group.nodes)
            or ("%d servers: %s"):format(count, list_of(group.nodes))
    end,
}

local function reach_advice(node)
    if both.is_windows(node) then
        return ("on %s, in an elevated PowerShell: Enable-PSRemoting -Force; Set-ExecutionPolicy RemoteSigned; "
            .. "winrm enumerate winrm/config/listener must show an HTTPS listener"):format(node.name)
    elseif node.transport == "ssh" then
        return ("here, as the user that batond runs as: ssh %s true (with the user, port and key of <ssh>) must end "
            .. "with 0 and ask nothing"):format(node.address)
    end
    return "see what batond says in its log"
end

local reached = {
    name = "reached", title = "Baton can run commands on the server",
    run = function(node)
        local result = both.run(node, 20, "exit 0", "exit 0")
        if result.ok then
            return true, ("in %d ms"):format(math.floor(result.latency * 1000 + 0.5))
        end
        return false, remote.complaint(result), reach_advice(node)
    end,
}

local function clock_advice(node)
    if both.is_windows(node) then
        return ("on %s: w32tm /resync /force; w32tm /query /status says whom it follows"):format(node.name)
    end
    return ("on %s: timedatectl set-ntp true; chronyc makestep, or systemctl restart systemd-timesyncd")
        :format(node.name)
end

-- The policy's own bound, where it has a probe for that.
local function clock(spec, tools)
    local max_skew = 2
    for _, made in pairs(type(spec.probes) == "table" and spec.probes or {}) do
        if type(made) == "table" and made.kind == "clock" then
            max_skew = made.max_skew or max_skew
        end
    end
    return {
        name = "clock", title = "the clocks are in step",
        run = function(node)
            local so, detail = tools.clock({ max_skew = max_skew, timeout = 20 }, node)
            return so, detail, so == false and clock_advice(node) or nil
        end,
    }
end

-- ---- The share ---------------------------------------------------------------------------------

local function share_advice(node)
    if both.is_windows(node) then
        return ("on %s, as the account that Baton uses: Test-Path '%s'; give it Modify on share and folder")
            :format(node.name, group.share)
    end
    return ("on %s: findmnt %s; if it is not there: mount %s")
        :format(node.name, group.share, group.share)
end

-- The policy's own probe of the group's share.
local function share_probe(spec)
    for _, made in pairs(type(spec.probes) == "table" and spec.probes or {}) do
        if type(made) == "table" and made.kind == "share" and made.path == nil then
            return made
        end
    end
end

-- May a session reach it? Windows passes no login on to a third machine unless that is allowed; a policy
-- that is told so has no probe of it.
local function can_be_reached(spec)
    for _, node in ipairs(group.nodes) do
        if both.is_windows(node) then
            return share_probe(spec) ~= nil
        end
    end
    return true
end

local function share(spec, tools)
    local made = share_probe(spec)
    local asked = probe.share { timeout = 20, mounted = made and made.mounted }
    return {
        name = "share", title = "the share is there and can be written",
        run = function(node)
            local so, detail = tools.ask(asked, node)
            return so, so and group.share or detail, so == false and share_advice(node) or nil
        end,
    }
end

local PUT = 'printf %s "$2" >"$1"'
local WIN_PUT = "[IO.File]::WriteAllText(%s, %s)"
local GET = '[ "$(cat -- "$1" 2>/dev/null)" = "$2" ] || exit 3'
local WIN_GET = [[
$path = %s
$token = %s
try { $said = [IO.File]::ReadAllText($path) }
catch [IO.FileNotFoundException], [IO.DirectoryNotFoundException] { exit 3 }
if ($said -cne $token) { exit 3 }]]
local DROP = 'rm -f -- "$1"'
local WIN_DROP = "[IO.File]::Delete(%s)"

local function in_share(node, name)
    return group.share .. (both.is_windows(node) and "\\" or "/") .. name
end

-- Does it see what the first one wrote? Once more after a moment: a client of NFS may know the
-- folder of a second ago.
local function sees(node, name, token)
    local so, detail
    for attempt = 1, 2 do
        local result = both.run(node, 20, GET, WIN_GET, in_share(node, name), token)
        so, detail = remote.answer(result, NO, { yes = "", no = "" })
        if so ~= false or attempt == 2 then
            return so, detail
        end
        sleep(1)
    end
end

local function compare(first, name, token)
    local others, unsure = {}, {}
    for i = 2, #group.nodes do
        local node = group.nodes[i]
        local so, detail = sees(node, name, token)
        if so == false then
            others[#others + 1] = node.name
        elseif so == nil then
            unsure[#unsure + 1] = ("%s: %s"):format(node.name, detail)
        end
    end
    if #others > 0 then
        return false, ("what %s wrote is not there on %s"):format(first.name, table.concat(others, ", "))
    elseif #unsure > 0 then
        return nil, table.concat(unsure, "; ")
    end
    return true, ("what %s wrote was read on all"):format(first.name)
end

-- The one thing that a preflight writes: a file with a number that nobody else has, removed again.
local same_share = {
    name = "share-same", title = "all servers have the same share", on = "group", timeout = 120,
    run = function()
        local first = group.nodes[1]
        local token = ("%x-%x"):format(random(1 << 48), random(1 << 48))
        local name = ".baton-token-" .. token
        local advice = ("compare what is mounted as %s on %s"):format(group.share, list_of(group.nodes))
        local written = both.run(first, 20, PUT, WIN_PUT, in_share(first, name), token)
        if not written.ok then
            return nil, ("%s can't write to it: %s"):format(first.name, remote.complaint(written)), advice
        end
        local so, detail = compare(first, name, token)
        local removed = both.run(first, 20, DROP, WIN_DROP, in_share(first, name))
        if not removed.ok then
            detail = ("%s; %s stays: %s"):format(detail, name, remote.complaint(removed))
        end
        return so, detail, so ~= true and advice or nil
    end,
}

-- ---- The addresses -----------------------------------------------------------------------------

local addresses = {
    name = "addresses", title = "the clients have an address that no server has for its own", on = "group",
    run = function()
        local floating = group.floating and group.floating:match "^[^/]*"
        if not floating then
            return false, "the group has no floating address",
                'write <address ip="ADDRESS/PREFIX" interface="NAME"/> into the group: what clients connect to'
        end
        local owner = { [floating] = "the floating address" }
        for _, node in ipairs(group.nodes) do
            if owner[node.address] then
                return false, ("%s is the address of %s and of %s")
                    :format(node.address, node.name, owner[node.address]),
                    "give each server and the group an address of its own: address= of <node>, ip= of <address>"
            end
            owner[node.address] = node.name
        end
        return true, ("%s, and %d of the servers"):format(floating, #group.nodes)
    end,
}

--- The list of them, for a policy.
---@param spec PolicySpec
---@param tools { clock: function, ask: function }  of the host
---@return Check[]
function preflight.checks(spec, tools)
    local list = { check(servers), check(reached), check(clock(spec, tools)), check(addresses) }
    if group.share and can_be_reached(spec) then
        list[#list + 1] = check(share(spec, tools))
        if #group.nodes > 1 and not are_peers() then
            list[#list + 1] = check(same_share)
        end
    end
    return list
end

return preflight
