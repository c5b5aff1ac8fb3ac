--- The set-up of "Configuring SmarterMail for Failover" as steps: `init` for a fresh installation,
--- `migrate` for one that is there.
--
-- The service's system files go to the Service folder of the share, and failoverConfig.xml on every
-- server says so; of an existing installation the mail data goes to the share too, and the paths in the
-- system files are rewritten. What only a person can do, such as the licence, is asked for in its place.
--
-- Nothing old is ever copied over what the service uses already: as soon as the share's Service folder
-- is complete, no step copies anything any more.

local copies     = require "copies"
local files      = require "files"
local powershell = require "powershell"
local remote     = require "remote"
local setup      = require "setup"

local smartermail_setup = {}

---@class SmarterMailSetup
---@field start Part[]          what a start starts, in its order
---@field stop Part[]           what a stop stops
---@field mail Part             the service among them
---@field service_folder string  on the servers: DAT and XML files, settings
---@field mail_folder string    … mail data
---@field failover_file string  … failoverConfig.xml
---@field old_paths? string     further prefixes that became the share, with commas between
---@field grant? string         Windows: accounts that may write the shared Service folder, with commas
---@field ports integer[]       that must be bound to the floating address
---@field iis? boolean          web mail is an IIS site
---@field copy_deadline number  seconds
---@field deadline number       seconds for a start or stop of all parts

local COPYING, BEGAN = ".baton-copying", ".baton-copy" -- marks on the share
local SYSTEM_FILES = { "dat", "xml", "json" }

-- ---- Small things on the nodes --------------------------------------------------------------------

local function is_windows(node)
    return node.transport == "winrm"
end

local function sh(node, timeout, script, ...)
    return node:exec { command = remote.shell(script, ...), timeout = timeout }
end

local function ps(node, timeout, script, ...)
    return powershell.run(node, { timeout = timeout }, script, ...)
end

local NO = { [3] = true }

local TRY_SHARE = [[
f=$(mktemp -- "$1/.baton-XXXXXX") && rm -f -- "$f"]]

local WIN_TRY_SHARE = [[
$file = [IO.Path]::Combine(%s, '.baton-' + [Guid]::NewGuid().ToString())
[IO.File]::WriteAllText($file, 'x')
[IO.File]::Delete($file)]]

local IS_FOLDER = '[ -d "$1" ] || exit 3'
local WIN_IS_FOLDER = "if (-not [IO.Directory]::Exists(%s)) { exit 3 }"

-- As the folder on the server is: owner and mode.
local MAKE_FOLDER = [[
mkdir -- "$1" || exit 1
[ ! -d "$2" ] || { chown --reference="$2" -- "$1" && chmod --reference="$2" -- "$1"; }]]

local WIN_MAKE_FOLDER = [[
$folder = %s
[IO.Directory]::CreateDirectory($folder) | Out-Null
foreach ($account in (%s).Split(',')) {
    if ($account.Trim() -ne '') {
        icacls.exe $folder /grant ($account.Trim() + ':(OI)(CI)M') | Out-Null
        if ($LASTEXITCODE -ne 0) { throw "icacls ended with $LASTEXITCODE for $account" }
    }
}]]

-- Only where nothing is in it.
local DROP_FOLDER = 'rmdir -- "$1" 2>/dev/null; [ ! -d "$1" ] || exit 3'
local WIN_DROP_FOLDER = [[
$folder = %s
if ([IO.Directory]::Exists($folder)) {
    if (@([IO.Directory]::GetFileSystemEntries($folder)).Count -gt 0) { exit 3 }
    [IO.Directory]::Delete($folder)
}]]

-- $1: the shared Service folder, $2: the mark of a copy that is not done. 0: complete, 3: not.
local COMPLETE = [[
[ -d "$1" ] && [ ! -e "$1/$2" ] || exit 3
[ -n "$(find "$1" -mindepth 1 -maxdepth 1 ! -name '.*' -print -quit)" ] || exit 3]]
local WIN_COMPLETE = [[
$folder = %s
if (-not [IO.Directory]::Exists($folder)) { exit 3 }
if ([IO.File]::Exists([IO.Path]::Combine($folder, %s))) { exit 3 }
if (@([IO.Directory]::GetFileSystemEntries($folder)).Count -eq 0) { exit 3 }]]

local MARK = ': >"$1/$2"'
local UNMARK = 'rm -f -- "$1/$2"'
local WIN_MARK = "[IO.File]::WriteAllText([IO.Path]::Combine(%s, %s), '')"
local WIN_UNMARK = "[IO.File]::Delete([IO.Path]::Combine(%s, %s))"

-- Marks the share as one that holds nothing but our copy, where it holds nothing yet.
local CLAIM = [[
[ ! -e "$1/$2" ] || exit 0
[ -z "$(find "$1" -mindepth 1 -maxdepth 1 ! -name Service ! -name '.baton-*' -print -quit)" ] || exit 3
: >"$1/$2"]]
local WIN_CLAIM = [[
$share = %s
$mark = [IO.Path]::Combine($share, %s)
if ([IO.File]::Exists($mark)) { exit 0 }
foreach ($entry in [IO.Directory]::GetFileSystemEntries($share)) {
    $name = [IO.Path]::GetFileName($entry)
    if ($name -ne 'Service' -and -not $name.StartsWith('.baton-')) { exit 3 }
}
[IO.File]::WriteAllText($mark, '')]]
local IS_CLAIMED = '[ -e "$1/$2" ] || exit 3'
local WIN_IS_CLAIMED = "if (-not [IO.File]::Exists([IO.Path]::Combine(%s, %s))) { exit 3 }"

-- Put the folder aside, under the first name that is free. Prints it.
local ASIDE = [[
[ -d "$1" ] || exit 3
n=1
while [ -e "$1.undone-$n" ]; do n=$((n + 1)); done
mv -- "$1" "$1.undone-$n" && echo "$1.undone-$n"]]
local WIN_ASIDE = [[
$folder = %s
if (-not [IO.Directory]::Exists($folder)) { exit 3 }
$n = 1
while ([IO.Directory]::Exists("$folder.undone-$n")) { $n += 1 }
[IO.Directory]::Move($folder, "$folder.undone-$n")
Write-Output "$folder.undone-$n"]]

local LISTENERS = "ss -Hltn"
local WIN_LISTENERS = [[
foreach ($one in Get-NetTCPConnection -State Listen) { Write-Output "$($one.LocalAddress) $($one.LocalPort)" }]]

local WIN_BINDINGS = [[
Import-Module WebAdministration
foreach ($one in Get-WebBinding) { if ($one.protocol -like 'http*') { Write-Output $one.bindingInformation } }]]

-- The two scripts for one thing.
local function run_on(node, timeout, linux, win, ...)
    if is_windows(node) then
        return ps(node, timeout, win, ...)
    end
    return sh(node, timeout, linux, ...)
end

local function question(node, linux, win, words, ...)
    return remote.answer(run_on(node, 60, linux, win, ...), NO, words)
end

-- ---- The steps -----------------------------------------------------------------------------------

--- The steps of `init` and `migrate`. Both are nil where the group has no share or fewer than two nodes.
---@param spec SmarterMailSetup
---@return { init: Step[]?, migrate: Step[]? }
function smartermail_setup.steps(spec)
    local share, primary, standby = group.share, group.nodes[1], group.nodes[2]
    if not share or not standby then
        return {}
    end
    local service = files.join(primary, share, "Service")
    local failover_file = spec.failover_file
    local address = group.floating and group.floating:match "^[^/]*" or nil
    local wanted = { SharedSystemFilesPath = service, FailoverIPAddress = address, IsEnabled = true }

    local function is_complete(node)
        return question(node, COMPLETE, WIN_COMPLETE, { yes = service .. " has the system files",
            no = service .. " has no system files yet" }, service, COPYING)
    end

    -- ---- failoverConfig.xml

    local function differences(text)
        local now, why = failover_settings(text)
        if not now then
            return nil, why
        end
        local lines = {}
        for _, name in ipairs { "SharedSystemFilesPath", "FailoverIPAddress", "IsEnabled" } do
            local old, new = now[name], wanted[name]
            if new ~= nil and old ~= new then
                local function word(value)
                    return value == nil and "(none)" or value == true and "True" or value == false and "False"
                        or value == "" and "(empty)" or value
                end
                lines[#lines + 1] = ("%s %s → %s"):format(name, word(old), word(new))
            end
        end
        return lines
    end

    -- The text as it is, and the lines that say what is to be changed in it.
    local function failover_of(node)
        local text, why, missing = files.read(node, failover_file)
        if missing then
            text = ""
        elseif not text then
            return nil, why
        end
        local lines, wrong = differences(text == "" and "<none/>" or text)
        if not lines then
            return nil, ("%s: %s: %s"):format(node.name, failover_file, wrong)
        end
        return text, lines
    end

    local function failover_plan(node)
        local text, lines = failover_of(node)
        if not text then
            return { lines }
        end
        for i, line in ipairs(lines) do
            lines[i] = ("%s: %s: %s"):format(node.name, failover_file, line)
        end
        return lines
    end

    local function works_from_share(node)
        local text, lines = failover_of(node)
        return text and #lines == 0
    end

    -- All is done, and the primary serves.
    local function has_moved()
        local runs = spec.mail.look(primary)
        if runs and works_from_share(primary) and is_complete(primary) then
            return true, primary.name .. " serves from the share already"
        end
        return false
    end

    local failover_primary = step {
        name = "failover-config", title = "failoverConfig.xml", on = "primary", deadline = 300,
        look = function(node)
            local text, lines = failover_of(node)
            if not text then
                return nil, lines
            end
            return #lines == 0, #lines == 0 and "it says " .. service or table.concat(lines, "; ")
        end,
        plan = failover_plan,
        run = function(node)
            local text, lines = failover_of(node)
            if not text then
                return nil, lines
            end
            local new, why = failover_config(text, wanted)
            if not new then
                return false, ("%s: %s: %s"):format(node.name, failover_file, why)
            end
            local done, failed = files.write(node, failover_file, new)
            return done, done and table.concat(lines, "; ") or failed
        end,
        undo = function(node)
            return files.restore(node, failover_file)
        end,
    }

    local failover_standbys = step {
        name = "failover-config-copied", title = "failoverConfig.xml as on " .. primary.name, on = "standbys",
        deadline = 300, after = "failover-config",
        look = function(node)
            local first, why = files.read(primary, failover_file)
            local own, failed, missing = files.read(node, failover_file)
            if not first or not own and not missing then
                return nil, why or failed
            end
            return own == first, own == first and "the same" or "not the same"
        end,
        plan = function(node)
            return { ("%s: %s: replaced by that of %s"):format(node.name, failover_file, primary.name),
                table.unpack(failover_plan(node)) }
        end,
        run = function(node)
            local text, why = files.read(primary, failover_file)
            if not text then
                return nil, why
            end
            return files.write(node, failover_file, text)
        end,
        undo = function(node)
            return files.restore(node, failover_file)
        end,
    }

    -- ---- The share

    local share_writable = step {
        name = "share", title = share .. " can be written", on = "each", deadline = 60,
        plan = function(node)
            return { ("%s: a file is written to %s, and removed again"):format(node.name, share) }
        end,
        run = function(node)
            local result = run_on(node, 50, TRY_SHARE, WIN_TRY_SHARE, share)
            return remote.done(result, ("%s: write to %s"):format(node.name, share))
        end,
    }

    local service_folder = step {
        name = "service-folder", title = "the shared Service folder", on = "primary", deadline = 120,
        look = function(node)
            return question(node, IS_FOLDER, WIN_IS_FOLDER, { yes = service .. " is there", no = "it is not there" },
                service)
        end,
        plan = function(node)
            local lines = { ("%s: %s is made"):format(node.name, service) }
            if not is_windows(node) then
                lines[2] = ("%s: %s gets the owner and mode of %s"):format(node.name, service, spec.service_folder)
            end
            for account in (spec.grant or ""):gmatch "[^,]+" do
                lines[#lines + 1] = ("%s: %s may write %s"):format(node.name, account:match "^%s*(.-)%s*$", service)
            end
            return lines
        end,
        run = function(node)
            local result = run_on(node, 100, MAKE_FOLDER, WIN_MAKE_FOLDER, service,
                is_windows(node) and (spec.grant or "") or spec.service_folder)
            local done, why = remote.done(result, "make " .. service)
            return done, why or "made", "made"
        end,
        undo = function(node)
            local result = run_on(node, 60, DROP_FOLDER, WIN_DROP_FOLDER, service)
            if result.failed and NO[result.code] then
                return true, "it is not empty, and stays"
            end
            return remote.done(result, "remove " .. service)
        end,
    }

    -- ---- Copies

    local system_copy = { from = spec.service_folder, to = service, only = SYSTEM_FILES, timeout = spec.copy_deadline }

    local system_copied = step {
        name = "system-files", title = "system files to the share", on = "primary", deadline = spec.copy_deadline + 60,
        look = is_complete,
        plan = function(node)
            return { copies.line(node, system_copy) }
        end,
        run = function(node)
            local done, why = remote.done(run_on(node, 60, MARK, WIN_MARK, service, COPYING), "write to " .. service)
            if done then
                done, why = copies.run(node, system_copy)
            end
            if done then
                done = remote.done(run_on(node, 60, UNMARK, WIN_UNMARK, service, COPYING), "write to " .. service)
            end
            return done, why
        end,
        undo = function(node)
            local result = run_on(node, 60, ASIDE, WIN_ASIDE, service)
            if result.failed and NO[result.code] then
                return true, "it is not there"
            end
            local done, why = remote.done(result, "put " .. service .. " aside")
            return done, done and "put aside as " .. result.out:match "^%s*(.-)%s*$" or why
        end,
    }

    local function mail_copy(mirror, count)
        return { from = spec.mail_folder, to = share, skip = { "Service" }, mirror = mirror, count = count,
            timeout = spec.copy_deadline }
    end

    local function is_claimed(node)
        return (question(node, IS_CLAIMED, WIN_IS_CLAIMED, { yes = "", no = "" }, share, BEGAN))
    end

    local function mail_pass(name, title, options)
        return step {
            name = name, title = title, on = "primary", deadline = spec.copy_deadline + 120, look = is_complete,
            plan = function(node)
                local lines = { copies.line(node, mail_copy(false)) }
                if options.final then
                    lines[2] = ("%s: what %s has no more goes from %s too, if that held nothing when the copies began")
                        :format(node.name, spec.mail_folder, share)
                end
                return lines
            end,
            run = function(node)
                if options.first then
                    local result = run_on(node, 60, CLAIM, WIN_CLAIM, share, BEGAN)
                    if not result.ok and not (result.failed and NO[result.code]) then
                        return remote.done(result, "write to " .. share)
                    end
                end
                -- Only a share that was empty holds nothing but what was copied from here.
                local mirror = options.final and is_claimed(node) or false
                return copies.run(node, mail_copy(mirror, options.first))
            end,
        }
    end

    local downtime = setup.by_hand {
        name = "downtime", title = "the downtime begins",
        human = ("From the next step on nobody can send or read mail, until %s serves: for as long as one more "
            .. "copy of what is new takes.\nTell who has to know; then say that it may begin."):format(primary.name),
    }

    -- ---- Paths

    local rules = { { from = spec.mail_folder, to = share } }
    for path in (spec.old_paths or ""):gmatch "[^,]+" do
        rules[#rules + 1] = { from = path:match "^%s*(.-)%s*$", to = share }
    end

    -- The files that hold paths, below a folder. nil and why.
    local function path_files(node, folder)
        local list = {}
        for _, place in ipairs { { "", "^domainlist%.xml$" }, { "", "^mailconfig%.xml$" }, { "", "%.json$" },
            { "Settings", "%.json$" } } do
            local at = place[1] == "" and folder or files.join(node, folder, place[1])
            local names, why = files.list(node, at, place[2])
            if not names then
                return nil, why
            end
            for _, name in ipairs(names) do
                list[#list + 1] = files.join(node, at, name)
            end
        end
        return list
    end

    local function words_of(node, path, counts)
        return ("%s: %s: %d %s → %s"):format(node.name, path, counts.replaced,
            counts.replaced == 1 and "path" or "paths", share)
    end

    -- What is left to be rewritten below a folder: one line a file.
    local function paths_left(node, folder)
        local list, why = path_files(node, folder)
        if not list then
            return nil, why
        end
        local lines = {}
        for _, path in ipairs(list) do
            local counts, failed = files.would_transform(node, path, rules)
            if not counts then
                return nil, failed
            elseif counts.replaced > 0 then
                lines[#lines + 1] = words_of(node, path, counts)
            end
        end
        return lines
    end

    local paths_rewritten = step {
        name = "paths", title = "old paths in the shared system files", on = "primary", deadline = 7200,
        look = function(node)
            local complete, why = is_complete(node)
            if not complete then
                return complete, why
            end
            local lines, failed = paths_left(node, service)
            if not lines then
                return nil, failed
            end
            return #lines == 0, #lines == 0 and "no old path is left" or table.concat(lines, "; ")
        end,
        plan = function(node)
            -- Before the copy: what will be there is what is here.
            local complete = is_complete(node)
            local lines, why = paths_left(node, complete and service or spec.service_folder)
            if not lines then
                error(why, 0)
            end
            return lines
        end,
        run = function(node)
            local list, why = path_files(node, service)
            if not list then
                return nil, why
            end
            local count, changed = 0, 0
            for _, path in ipairs(list) do
                local counts, failed = files.transform(node, path, rules)
                if not counts then
                    return false, failed
                end
                count = count + counts.replaced
                changed = changed + (counts.replaced > 0 and 1 or 0)
            end
            return true, ("%d paths in %d files"):format(count, changed)
        end,
        undo = function(node)
            local list, why = path_files(node, service)
            if not list then
                return nil, why
            end
            for _, path in ipairs(list) do
                local done, failed = files.restore(node, path)
                if not done then
                    return false, failed
                end
            end
            return true, "the originals are back"
        end,
    }

    -- ---- Starts, stops, people

    local function parts(fields)
        fields.start, fields.stop, fields.deadline = spec.start, spec.stop, spec.deadline
        return fields
    end

    local function licence(node, verb)
        return setup.by_hand {
            name = "licence-" .. (node == primary and "primary" or "standby"), title = "the licence on " .. node.name,
            human = ("Sign in to SmarterMail's web interface on %s as the system administrator, and %s the Enterprise "
                .. "key there:\nSettings, Activation, Licensing."):format(node.name, verb),
        }
    end

    local paths_seen = setup.by_hand {
        name = "paths-seen", title = "the paths on " .. standby.name,
        human = ("In SmarterMail's web interface on %s, see that domains and settings are there, and that their paths "
            .. "are on %s."):format(standby.name, share),
        look = function()
            local runs, why = spec.mail.look(standby)
            if has_moved() then
                return true, primary.name .. " serves from the share already"
            elseif not runs then
                return runs, why
            end
            local text, lines = failover_of(standby)
            if not text then
                return nil, lines
            elseif #lines > 0 then
                return false, table.concat(lines, "; ")
            end
            return is_complete(standby)
        end,
    }

    -- Bound to another address than the clients use? nil and why where it can't be seen.
    local function wrong_listeners(node)
        local result = run_on(node, 60, LISTENERS, WIN_LISTENERS)
        if not result.ok then
            return nil, remote.complaint(result)
        end
        local seen, wrong = 0, {}
        for line in result.out:gmatch "[^\r\n]+" do
            local at, port = line:match "^%s*(%S+)%s+(%d+)%s*$"
            if not at then
                at, port = line:match "^%S+%s+%d+%s+%d+%s+(%S+):(%d+)%s"
            end
            if port and ("," .. table.concat(spec.ports, ",") .. ","):find("," .. port .. ",", 1, true) then
                seen = seen + 1
                if at ~= address then
                    wrong[#wrong + 1] = at .. ":" .. port
                end
            end
        end
        return seen, wrong
    end

    local bindings = setup.by_hand {
        name = "bindings", title = "the ports on " .. primary.name,
        human = ("In SmarterMail's web interface: Settings, Bindings, IP Address. Bind all ports to %s, and none to "
            .. "any other address."):format(address or "the floating address"),
        look = address and function()
            local seen, wrong = wrong_listeners(primary)
            if not seen then
                return nil, wrong
            elseif seen == 0 then
                return false, "nothing listens on the ports " .. table.concat(spec.ports, ", ")
            end
            table.sort(wrong)
            return #wrong == 0, #wrong == 0 and ("all are bound to %s"):format(address)
                or "bound to another address: " .. table.concat(wrong, ", ")
        end or nil,
    }

    local iis = setup.by_hand {
        name = "iis", title = "the IIS bindings",
        human = ("In IIS Manager on each server: Sites, SmarterMail, Bindings. Bind the site to %s.")
            :format(address or "the floating address"),
        look = address and function()
            for _, node in ipairs(group.nodes) do
                local result = ps(node, 60, WIN_BINDINGS)
                if not result.ok then
                    return nil, ("%s: %s"):format(node.name, remote.complaint(result))
                end
                local seen = false
                for line in result.out:gmatch "[^\r\n]+" do
                    seen = true
                    if line:match "^(.*):%d+:[^:]*$" ~= address then
                        return false, ("%s: a site is bound to %s"):format(node.name, line)
                    end
                end
                if not seen then
                    return false, node.name .. ": no site is bound"
                end
            end
            return true, "all are bound to " .. address
        end or nil,
    }

    local function ending(list)
        local more = {
            setup.started(parts { name = "start-standby", title = "SmarterMail on " .. standby.name, node = standby,
                unless = has_moved }),
            paths_seen,
            licence(standby, "activate"),
            setup.stopped(parts { name = "stop-standby", title = "SmarterMail stopped again", on = "standbys",
                after = "start-standby", final = true }),
            setup.started(parts { name = "start-primary", title = "SmarterMail on " .. primary.name, node = primary,
                after = "start-standby" }),
            licence(primary, "re-activate"),
            bindings,
            spec.iis and iis or nil,
        }
        for _, one in ipairs(more) do
            list[#list + 1] = one
        end
        return list
    end

    return {
        init = ending {
            share_writable,
            service_folder,
            setup.stopped(parts { name = "stop", title = "SmarterMail stopped", on = "each", unless = has_moved }),
            failover_primary,
            failover_standbys,
            system_copied,
        },
        migrate = ending {
            share_writable,
            service_folder,
            setup.stopped(parts { name = "stop-standbys", title = "SmarterMail stopped", on = "standbys",
                unless = has_moved }),
            mail_pass("mail-first", "mail data to the share, while mail goes on", { first = true }),
            mail_pass("mail-second", "what was new meanwhile", {}),
            downtime,
            setup.stopped(parts { name = "stop-primary", title = "SmarterMail stopped", on = "primary",
                unless = has_moved }),
            failover_primary,
            failover_standbys,
            mail_pass("mail-final", "the rest of the mail data", { final = true }),
            system_copied,
            paths_rewritten,
        },
    }
end

return smartermail_setup
