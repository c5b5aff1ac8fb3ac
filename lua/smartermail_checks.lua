--- What "Configuring SmarterMail for Failover" wants, as checks; and what its page "Failover Servers"
--- shows, as columns of `baton cluster`.

local bindings    = require "bindings"
local both        = require "both"
local files       = require "files"
local nlb         = require "nlb"
local remote      = require "remote"
local smartermail = require "smartermail"
local smartermail_files = require "smartermail_files"
local windows     = require "windows"

local smartermail_checks = {}

---@class SmarterMailChecks
---@field mail Service          what runs on a node
---@field web? Service          the application pool
---@field cluster? NlbNode      Windows
---@field interface? string     … of the cluster
---@field service? string       … the service's short name
---@field unit? string          Linux
---@field early? boolean        … it is started before the address is there
---@field address? fun(node: Node): boolean?, string  … has the node the floating address?
---@field failover_file string  failoverConfig.xml on the servers
---@field old_paths string[]    prefixes that became the share
---@field ports integer[]       that clients use, and that must be bound to the floating address
---@field apart? boolean        sessions on the servers can't reach the share: nothing is asked of it
---@field licence_days number
---@field licence_until? string "2027-06-30", where no API says it
---@field api? SmarterMailApiSettings

-- ---- Small things ------------------------------------------------------------------------------

-- The checks of one node ask for the same: what was found a moment ago is good, and who comes while it
-- is being asked waits for that. Not for so long that who asks once more gets the same again.
local KEPT = 10

local function once(ask)
    local kept = {}
    return function(node)
        local mine = kept[node.name]
        while mine and mine.busy and now() - mine.at < 60 do
            sleep(0.1)
            mine = kept[node.name]
        end
        if not mine or mine.busy or now() - mine.at > KEPT then
            mine = { busy = true, at = now() }
            kept[node.name] = mine
            mine.said = table.pack(ask(node))
            mine.busy, mine.at = false, mine.said[1] ~= nil and now() or -KEPT
        end
        return table.unpack(mine.said, 1, mine.said.n)
    end
end

local function floating_host()
    return group.floating and group.floating:match "^[^/]*"
end

local function trimmed(text)
    return (text:match "^%s*(.-)%s*$")
end

-- A question whose answer of the node is in `ask`, and what to say where it can't be had.
local function seen(ask, run)
    return function(node)
        local found, why = ask(node)
        if found == nil then
            return nil, why
        end
        return run(node, found)
    end
end

-- ---- failoverConfig.xml ------------------------------------------------------------------------

local function failover(spec, add)
    local text_of = once(function(node)
        return smartermail_files.failover_text(node, spec.failover_file)
    end)

    add { name = "failover-config", title = "failoverConfig.xml has the share and the clients' address",
        run = seen(text_of, function(node, text)
            local advice = ("baton init %s --again writes it; by hand: %s on %s"):format(group.name, spec.failover_file,
                node.name)
            if text == "" then
                return false, spec.failover_file .. " is not there", advice
            end
            local lines, why = smartermail_files.differences(text, smartermail_files.wanted(node))
            if not lines or #lines > 0 then
                return false, lines and table.concat(lines, "; ") or why, advice
            end
            return true, smartermail_files.shared_folder(node)
        end) }

    add { name = "failover-same", title = "failoverConfig.xml is the same on all servers", on = "group", timeout = 90,
        run = function()
            local first, others = group.nodes[1], {}
            local wanted, why = text_of(first)
            for i = 2, #group.nodes do
                local text, failed = text_of(group.nodes[i])
                if not wanted or not text then
                    return nil, wanted and failed or why
                elseif text ~= wanted then
                    others[#others + 1] = group.nodes[i].name
                end
            end
            return #others == 0, #others == 0 and "byte for byte"
                or ("not as on %s: %s"):format(first.name, table.concat(others, ", ")),
                #others > 0 and ("copy %s from %s to %s"):format(spec.failover_file, first.name,
                    table.concat(others, ", ")) or nil
        end }
end

-- ---- Paths -------------------------------------------------------------------------------------

local SIZE_MAX = 4 << 20 -- a look through more would keep a server busy

local SUM = 'sha256sum -- "$1" && wc -c <"$1"'
local WIN_SUM = [[
$path = %s
Write-Output (Get-FileHash -LiteralPath $path -Algorithm SHA256).Hash
Write-Output (Get-Item -LiteralPath $path).Length]]

-- Looked through once as long as it stays as it is.
local function counter(rules)
    local known = {}
    return function(node, path)
        local result = both.run(node, 60, SUM, WIN_SUM, path)
        local sum, size = result.out:match "^(%x+).-(%d+)%s*$"
        if not result.ok or not sum then
            return nil, ("%s: %s"):format(path, remote.complaint(result))
        elseif tonumber(size) > SIZE_MAX then
            return nil, ("%s has %d MiB, too much to be looked through by the way"):format(path, tonumber(size) >> 20),
                ("baton migrate %s --dry-run looks through it"):format(group.name)
        end
        local mine = known[path]
        if not mine or mine.sum ~= sum then
            local counts, why = files.would_transform(node, path, rules)
            if not counts then
                return nil, why
            end
            mine = { sum = sum, count = counts.replaced }
            known[path] = mine
        end
        return mine.count
    end
end

-- One line for each file that has an old path, of those that are found in the shared Service folder.
local function look_through(node, folder, count)
    local list, why = smartermail_files.with_paths(node, folder)
    if not list then
        return nil, why
    end
    local found = {}
    for _, path in ipairs(list) do
        local left, failed, advice = count(node, path)
        if not left then
            return nil, failed, advice
        elseif left > 0 then
            found[#found + 1] = ("%s %d"):format(path:match "[^/\\]*$", left)
        end
    end
    return found, #list
end

local function paths(spec, add)
    local count = counter(smartermail_files.rules(spec.old_paths))
    add { name = "paths", title = "the paths of domains and settings are on the share", on = "group", timeout = 300,
        run = function()
            -- The share is the same from each server: any that can be asked.
            local found, said, advice
            for _, node in ipairs(group.nodes) do
                found, said, advice = look_through(node, smartermail_files.shared_folder(node), count)
                if found then
                    break
                end
            end
            if not found then
                return nil, said, advice
            elseif said == 0 then
                return false, "there are no system files in the share's Service folder",
                    ("baton init %s, or baton migrate %s, brings them there"):format(group.name, group.name)
            elseif #found > 0 then
                return false, "old paths: " .. table.concat(found, ", "),
                    ("baton migrate %s --again rewrites them"):format(group.name)
            end
            return true, ("%d files, no path to %s"):format(said, table.concat(spec.old_paths, ", "))
        end }
end

-- ---- Ports -------------------------------------------------------------------------------------

local function ports(spec, add)
    local address = floating_host()
    if not address or #spec.ports == 0 then
        return
    end
    local advice = ("in SmarterMail's web interface: Settings, Bindings, IP Address; bind all ports to %s, and none to "
        .. "any other address"):format(address)
    add { name = "ports", title = "the ports are bound to the clients' address, and to no other",
        run = function(node)
            local bound, why = bindings.ports(node, spec.ports, address)
            local runs, said = spec.mail.look(node)
            if not bound or runs == nil then
                return nil, why or said
            elseif #bound.wrong > 0 then
                return false, "bound to another address: " .. table.concat(bound.wrong, ", "), advice
            elseif not runs then
                return true, "it is stopped here, and nothing listens"
            elseif #bound.missing > 0 then
                return false, ("not bound to %s: %s"):format(address, table.concat(bound.missing, ", ")), advice
            end
            return true, "all are bound to " .. address
        end }
end

-- ---- Licence -----------------------------------------------------------------------------------

local function licence(spec, add)
    local ask = smartermail.licence_look(spec.api, spec.licence_days)
    local days = math.max(spec.licence_days, 1)
    if spec.licence_until then
        smartermail.days_until(spec.licence_until) -- what is no date is refused now
    end
    add { name = "licence", title = "the licence lasts", on = "group",
        advice = "renew it, and activate it on the standby and then on the primary: Settings, Activation, Licensing",
        run = function()
            if ask then
                return ask(group.holder or group.nodes[1])
            elseif spec.licence_until then
                local left = smartermail.days_until(spec.licence_until)
                return left >= days, ("until %s, %d days"):format(spec.licence_until, left)
            end
            return nil, "nobody says how long",
                'let the API say it: <set name="api_url" …>, api_user and api_secret; or write down its end: '
                .. '<set name="licence_until" value="2027-06-30"/>'
        end }
end

-- ---- Windows -----------------------------------------------------------------------------------

local function cluster(spec, add)
    local facts_of = once(function(node) return nlb.facts(node, spec.interface) end)
    local function manager(node, what)
        return ("in Network Load Balancing Manager, on %s: %s"):format(node.name, what)
    end

    add { name = "nlb-mode", title = "the cluster's operation mode is Multicast", timeout = 60,
        run = seen(facts_of, function(node, facts)
            local mode = facts.mode:lower()
            return mode == "multicast" or mode == "igmpmulticast", facts.mode, manager(node, "Cluster Properties, "
                .. "Cluster Parameters; or: Get-NlbCluster | Set-NlbCluster -OperationMode Multicast")
        end) }
    add { name = "nlb-address", title = "the cluster's address is the clients' one", timeout = 60,
        run = seen(facts_of, function(node, facts)
            local address = floating_host()
            return facts.address == address, facts.address == address and address
                or ("%s, not %s"):format(facts.address, tostring(address)), manager(node,
                "Cluster IP Addresses; or correct ip= of <address> in the configuration")
        end) }
    add { name = "nlb-rules", title = "the port rules are Single Host", timeout = 60,
        run = seen(facts_of, function(node, facts)
            local wrong = {}
            for _, rule in ipairs(facts.rules) do
                if rule.mode:lower() ~= "single" then
                    wrong[#wrong + 1] = ("%s: %s"):format(rule.ports, rule.mode)
                end
            end
            return #wrong == 0 and #facts.rules > 0,
                #facts.rules == 0 and "there is none" or #wrong > 0 and table.concat(wrong, ", ")
                or ("%d of them"):format(#facts.rules), manager(node, "Port Rules, Edit, Filtering Mode: Single Host; "
                .. "or: Get-NlbClusterPortRule | Set-NlbClusterPortRule -NewMode Single")
        end) }
    add { name = "nlb-initial", title = "the initial host state is Stopped", timeout = 60,
        run = seen(facts_of, function(node, facts)
            return facts.initial:lower() == "stopped", facts.initial, ("on %s: Get-NlbClusterNode -HostName %s | "
                .. "Set-NlbClusterNode -InitialHostState Stopped"):format(node.name, node.name)
        end) }
    add { name = "nlb-priority", title = "its priority in the cluster is that of its place in the group", timeout = 60,
        run = seen(facts_of, function(node, facts)
            return facts.priority == node.index, facts.priority == node.index and tostring(node.index)
                or ("%s, not %d"):format(tostring(facts.priority), node.index),
                ("on %s: Get-NlbClusterNode -HostName %s | Set-NlbClusterNode -HostPriority %d"):format(node.name,
                    node.name, node.index)
        end) }
end

-- Those who may not leave their machine, and those who do so as the machine.
local NOBODY = { ["nt authority\\localservice"] = true, ["nt authority\\local service"] = true }
local MACHINE = { ["localsystem"] = true, ["nt authority\\system"] = true, ["nt authority\\networkservice"] = true,
    ["nt authority\\network service"] = true }
local ALL = { "everyone", "nt authority\\authenticated users" }

local function may_write(access, names)
    for _, one in ipairs(access) do
        local who = one.who:lower()
        for _, name in ipairs(names) do
            if one.kind == "Allow" and who == name
                and (one.rights:find "Modify" or one.rights:find "FullControl" or one.rights:find "Write") then
                return one.who
            end
        end
    end
end

local function account(node, facts)
    local who = facts.account:lower()
    local advice = ("Services, SmarterMail, Log On: an account that may write %s; give it Modify on share and "
        .. "folder"):format(group.share)
    if NOBODY[who] then
        return false, facts.account .. " reaches no share", advice
    end
    local access, why = windows.access(node, group.share)
    if not access then
        return nil, why
    end
    local names = { table.unpack(ALL) }
    if MACHINE[who] then
        names[#names + 1] = "" -- filled in below: as DOMAIN\MACHINE$
        for _, one in ipairs(access) do
            local machine = one.who:lower():match "\\(.*)%$$"
            if machine == node.name:lower() or one.who:lower():find "\\domain computers$" then
                names[#names] = one.who:lower()
            end
        end
    else
        names[#names + 1] = who:gsub("^%.\\", node.name:lower() .. "\\")
        names[#names + 1] = who:match "^([^@]*)@"
    end
    local by = may_write(access, names)
    if by then
        return true, ("%s, by %s"):format(facts.account, by)
    end
    return nil, ("%s: no right of its own on %s is seen; a group may give it one"):format(facts.account, group.share),
        advice
end

local function on_windows(spec, add)
    local facts_of = once(function(node) return windows.service_facts(node, spec.service) end)

    cluster(spec, add)
    add { name = "autostart", title = "the service does not start by itself", timeout = 60,
        run = seen(facts_of, function(node, facts)
            return facts.start:lower() ~= "auto", facts.start,
                ("on %s: Set-Service -Name %s -StartupType Manual"):format(node.name, spec.service)
        end) }
    if group.share and not spec.apart then
        add { name = "account", title = "the service's account may write the share", timeout = 90,
            run = seen(facts_of, account) }
    end
    add { name = "remoting", title = "PowerShell has what the policy needs", timeout = 60,
        run = function(node)
            local result = windows.remoting(node)
            local said = trimmed(result.out)
            if result.ok then
                return said ~= "Restricted", "modules loaded, execution policy " .. said,
                    ("on %s, in an elevated PowerShell: Set-ExecutionPolicy RemoteSigned"):format(node.name)
            elseif result.failed then
                return false, remote.complaint(result), ("on %s: Install-WindowsFeature NLB, RSAT-NLB, "
                    .. "Web-Scripting-Tools; Set-ExecutionPolicy RemoteSigned"):format(node.name)
            end
            return nil, remote.complaint(result)
        end }
    if spec.web and floating_host() then
        add { name = "iis", title = "the web site is bound to the clients' address", timeout = 60,
            run = function(node)
                local so, detail = bindings.sites_are_bound(node, floating_host())
                return so, detail, ("on %s, in IIS Manager: Sites, SmarterMail, Bindings: %s"):format(node.name,
                    floating_host())
            end }
    end
end

-- ---- Linux -------------------------------------------------------------------------------------

local IS_ENABLED = [[
said=$(systemctl is-enabled "$1" 2>&1)
echo "$said"
case $said in
enabled | enabled-runtime | alias) exit 3 ;;
disabled | static | indirect | masked | masked-runtime | linked | generated) exit 0 ;;
esac
echo "$said" >&2
exit 1]]

local NONLOCAL = '[ "$(cat /proc/sys/net/$1/ip_nonlocal_bind)" = 1 ] || exit 3'
local LINK = '[ -e "/sys/class/net/$1" ] || exit 3'

local function question(node, script, yes, no, value)
    local result = node:exec { command = remote.shell(script, value), timeout = 25 }
    return remote.answer(result, { [3] = true }, { yes = yes, no = no })
end

local function on_linux(spec, add)
    add { name = "autostart", title = "the service does not start by itself",
        run = function(node)
            local so, detail = question(node, IS_ENABLED, "not enabled", "enabled", spec.unit)
            return so, detail, so == false and ("on %s: systemctl disable %s"):format(node.name, spec.unit) or nil
        end }
    local address = floating_host()
    if address and spec.early then
        local family = address:find(":", 1, true) and "ipv6" or "ipv4"
        add { name = "nonlocal-bind", title = "it can bind to the clients' address before that is there",
            run = function(node)
                local so, detail = question(node, NONLOCAL, "ip_nonlocal_bind = 1", "ip_nonlocal_bind = 0", family)
                return so, detail, so == false and ("on %s: echo net.%s.ip_nonlocal_bind=1 "
                    .. ">/etc/sysctl.d/60-baton.conf; sysctl --system"):format(node.name, family) or nil
            end }
    end
    if group.interface then
        add { name = "interface", title = "the interface for the clients' address is there",
            run = function(node)
                local so, detail = question(node, LINK, group.interface, group.interface .. " is not there",
                    group.interface)
                return so, detail, so == false and ("on %s: ip link; correct interface= of <address>")
                    :format(node.name) or nil
            end }
    end
end

-- ---- All ---------------------------------------------------------------------------------------

--- The checks of a SmarterMail policy.
---@param spec SmarterMailChecks
---@return Check[]
function smartermail_checks.checks(spec)
    local list = {}
    local function add(fields)
        list[#list + 1] = check(fields)
    end
    if spec.cluster then
        on_windows(spec, add)
    else
        on_linux(spec, add)
    end
    if group.share then
        failover(spec, add)
    end
    if group.share and not spec.apart then
        paths(spec, add)
    end
    ports(spec, add)
    licence(spec, add)
    return list
end

--- The columns of `baton cluster`.
---@param spec SmarterMailChecks
---@return Check[]
function smartermail_checks.columns(spec)
    local list = {}
    local function column(name, title, look, yes, no)
        list[#list + 1] = check { name = name, title = title, run = function(node)
            local so, detail = look(node)
            return so, so == nil and detail or so and yes or no
        end }
    end
    if spec.cluster then
        column("host-state", "HOST STATE", spec.cluster.look, "started", "stopped")
    end
    if spec.address and group.floating then
        column("floating", "ADDRESS HERE", spec.address, "yes", "no")
    end
    column("service", "SERVICE", spec.mail.look, "runs", "stopped")
    if spec.web then
        column("pool", "POOL", spec.web.look, "started", "stopped")
    end
    return list
end

return smartermail_checks
