--- The set-up of "Configuring SmarterMail for Failover" as steps: `init` for a fresh installation,
--- `migrate` for one that is there.
--
-- The service's system files go to the Service folder of the share, and failoverConfig.xml on every
-- server says so; of an existing installation the mail data goes to the share too, and the paths in the
-- system files are rewritten. What only a person can do, such as the licence, is asked for in its place.
--
-- Nothing old is ever copied over what the service uses already: as soon as the share's Service folder
-- is complete, no step copies anything any more.

local bindings          = require "bindings"
local copies            = require "copies"
local files             = require "files"
local setup             = require "setup"
local shared_folder     = require "shared_folder"
local smartermail_files = require "smartermail_files"

local smartermail_setup = {}

---@class SmarterMailSetup
---@field start Part[]          what a start starts, in its order
---@field stop Part[]           what a stop stops
---@field mail Part             the service among them
---@field service_folder string on the servers: DAT and XML files, settings
---@field mail_folder string    … mail data
---@field failover_file string  … failoverConfig.xml
---@field old_paths string[]    prefixes that become the share
---@field grant? string         Windows: accounts that may write the shared Service folder, with commas between
---@field ports integer[]       that must be bound to the floating address
---@field iis? boolean          web mail is an IIS site
---@field copy_deadline number  seconds
---@field deadline number       seconds for a start or stop of all parts

local SYSTEM_FILES = { "dat", "xml", "json" }

---@class SetupPlace  what all steps work with
---@field spec SmarterMailSetup
---@field share string
---@field service string   the Service folder on it
---@field primary Node
---@field standby Node     the first of them
---@field address? string  that clients use

-- Have all system files come?
local function is_complete(place, node)
    return shared_folder.is_complete(node, place.service, { yes = place.service .. " has the system files",
        no = place.service .. " has no system files yet" })
end

-- What is copied must not fill the disk below a mount that is gone.
local function onto_the_share(place, node, copy)
    local so, why = shared_folder.is_signed(node, place.share)
    if not so then
        return so, why
    end
    local done, said = copy()
    if done then
        so, why = shared_folder.is_signed(node, place.share)
    end
    if not so then
        return so, why
    end
    return done, said
end

-- ---- failoverConfig.xml --------------------------------------------------------------------------

-- The text as it is, and the lines that say what is to be changed in it.
local function failover_of(place, node)
    local path = place.spec.failover_file
    local text, why = smartermail_files.failover_text(node, path)
    if not text then
        return nil, why
    end
    local lines, wrong = smartermail_files.differences(text, smartermail_files.wanted(node))
    if not lines then
        return nil, ("%s: %s: %s"):format(node.name, path, wrong)
    end
    return text, lines
end

local function failover_plan(place, node)
    local text, lines = failover_of(place, node)
    if not text then
        error(lines, 0)
    end
    for i, line in ipairs(lines) do
        lines[i] = ("%s: %s: %s"):format(node.name, place.spec.failover_file, line)
    end
    return lines
end

-- All is done, and the primary serves.
local function has_moved(place)
    local primary = place.primary
    local text, lines = failover_of(place, primary)
    if text and #lines == 0 and place.spec.mail.look(primary) and is_complete(place, primary) then
        return true, primary.name .. " serves from the share already"
    end
    return false
end

local function restored(place)
    return function(node)
        return files.restore(node, place.spec.failover_file)
    end
end

local function failover_written(place)
    local path = place.spec.failover_file
    return step {
        name = "failover-config", title = "failoverConfig.xml", on = "primary", deadline = 300,
        look = function(node)
            local text, lines = failover_of(place, node)
            if not text then
                return nil, lines
            end
            return #lines == 0, #lines == 0 and "it says " .. place.service or table.concat(lines, "; ")
        end,
        plan = function(node)
            return failover_plan(place, node)
        end,
        run = function(node)
            local text, lines = failover_of(place, node)
            if not text then
                return nil, lines
            end
            local new, why = failover_config(text, smartermail_files.wanted(node))
            if not new then
                return false, ("%s: %s: %s"):format(node.name, path, why)
            end
            local done, failed = files.write(node, path, new)
            return done, done and table.concat(lines, "; ") or failed
        end,
        undo = restored(place),
    }
end

local function failover_copied(place)
    local path, primary = place.spec.failover_file, place.primary
    return step {
        name = "failover-config-copied", title = "failoverConfig.xml as on " .. primary.name, on = "standbys",
        deadline = 300, after = "failover-config",
        look = function(node)
            local first, why = files.read(primary, path)
            local own, failed, missing = files.read(node, path)
            if not first or not own and not missing then
                return nil, why or failed
            end
            return own == first, own == first and "the same" or "not the same"
        end,
        plan = function(node)
            return { ("%s: %s: replaced by that of %s"):format(node.name, path, primary.name),
                table.unpack(failover_plan(place, node)) }
        end,
        run = function(node)
            local text, why = files.read(primary, path)
            if not text then
                return nil, why
            end
            return files.write(node, path, text)
        end,
        undo = restored(place),
    }
end

-- ---- The share -----------------------------------------------------------------------------------

local function share_writable(place)
    return step {
        name = "share", title = place.share .. " can be written", on = "each", deadline = 60,
        plan = function(node)
            return { ("%s: a file is written to %s, and removed again"):format(node.name, place.share) }
        end,
        run = function(node)
            return shared_folder.sign(node, place.share, place.primary)
        end,
        undo = function(node)
            return shared_folder.unsign(node, place.share)
        end,
    }
end

local function service_folder(place)
    local spec, service = place.spec, place.service
    return step {
        name = "service-folder", title = "the shared Service folder", on = "primary", deadline = 120,
        look = function(node)
            return shared_folder.is_there(node, service)
        end,
        plan = function(node)
            local lines = { ("%s: %s is made"):format(node.name, service) }
            if spec.grant then
                for _, account in ipairs(smartermail_files.list { spec.grant }) do
                    lines[#lines + 1] = ("%s: %s may write %s"):format(node.name, account, service)
                end
            elseif node.transport ~= "winrm" then
                lines[2] = ("%s: %s gets the owner and mode of %s"):format(node.name, service, spec.service_folder)
            end
            return lines
        end,
        run = function(node)
            local done, why = onto_the_share(place, node, function()
                return shared_folder.make(node, service, { like = spec.service_folder, grant = spec.grant })
            end)
            return done, why or "made", "made"
        end,
        undo = function(node)
            return shared_folder.drop(node, service)
        end,
    }
end

-- ---- Copies --------------------------------------------------------------------------------------

local function system_copied(place)
    local spec, service = place.spec, place.service
    local copy = { from = spec.service_folder, to = service, only = SYSTEM_FILES, timeout = spec.copy_deadline }
    return step {
        name = "system-files", title = "system files to the share", on = "primary", deadline = spec.copy_deadline + 60,
        look = function(node)
            return is_complete(place, node)
        end,
        plan = function(node)
            return { copies.line(node, copy) }
        end,
        run = function(node)
            return onto_the_share(place, node, function()
                return shared_folder.fill(node, service, function()
                    return copies.run(node, copy)
                end)
            end)
        end,
        undo = function(node)
            return shared_folder.put_aside(node, service)
        end,
    }
end

-- "same", or "nested" where one of the folders is in the other; nil: neither.
local function together(node, one, other)
    local function folded(path)
        path = path:gsub("[\\/]+", "/"):gsub("/$", "") .. "/"
        return node.transport == "winrm" and path:lower() or path
    end
    one, other = folded(one), folded(other)
    if one == other then
        return "same"
    end
    return (one:sub(1, #other) == other or other:sub(1, #one) == one) and "nested" or nil
end

local function mail_pass(place, name, title, options)
    local spec, share = place.spec, place.share
    local function how_they_lie(node)
        local how = together(node, spec.mail_folder, share)
        if how == "nested" then
            return how, ("mail_folder, %s, and the share, %s, are one in the other: correct one of them")
                :format(spec.mail_folder, share)
        end
        return how, "the mail data are on the share"
    end
    local function copy(mirror)
        return { from = spec.mail_folder, to = share, skip = { "Service" }, mirror = mirror, count = options.first,
            live = not options.final, timeout = spec.copy_deadline }
    end
    return step {
        name = name, title = title, on = "primary", deadline = spec.copy_deadline + 120,
        look = function(node)
            local how, why = how_they_lie(node)
            if how then
                return how == "same" or nil, why
            end
            return is_complete(place, node)
        end,
        plan = function(node)
            local how, why = how_they_lie(node)
            if how then
                error(why, 0)
            end
            local lines = { copies.line(node, copy(false)) }
            if options.final then
                lines[2] = ("%s: what %s has no more goes from %s too, if that held nothing when the copies began")
                    :format(node.name, spec.mail_folder, share)
            end
            return lines
        end,
        run = function(node)
            return onto_the_share(place, node, function()
                local done, why = true, nil
                if options.first then
                    done, why = shared_folder.claim(node, share, "Service")
                end
                if not done then
                    return done, why
                end
                -- Only a share that was empty holds nothing but what was copied from here.
                local mirror = options.final and shared_folder.is_claimed(node, share) or false
                done, why = copies.run(node, copy(mirror))
                if done and options.final and not mirror then
                    why = ("copied; but %s was not empty at first, so what went from %s meanwhile is still there: look "
                        .. "through its Spool folder, or mail is sent twice"):format(share, spec.mail_folder)
                end
                return done, why
            end)
        end,
    }
end

-- ---- Paths ---------------------------------------------------------------------------------------

-- `each` for every file that holds paths; nil and why where one of them fails.
local function for_files(node, folder, each)
    local list, why = smartermail_files.with_paths(node, folder)
    if not list then
        return nil, why
    end
    for _, path in ipairs(list) do
        local done, failed = each(path)
        if not done then
            return done, failed
        end
    end
    return true
end

-- What is left to be rewritten below a folder: one line a file.
local function paths_left(place, node, folder, rules)
    local lines = {}
    local done, why = for_files(node, folder, function(path)
        local counts, failed = files.would_transform(node, path, rules)
        if counts and counts.replaced > 0 then
            lines[#lines + 1] = ("%s: %s: %d %s → %s"):format(node.name, path, counts.replaced,
                counts.replaced == 1 and "path" or "paths", place.share)
        end
        return counts and true, failed
    end)
    return done and lines, why
end

local function paths_rewritten(place)
    local service, rules = place.service, smartermail_files.rules(place.spec.old_paths)
    return step {
        name = "paths", title = "old paths in the shared system files", on = "primary", deadline = 7200,
        look = function(node)
            local complete, why = is_complete(place, node)
            if not complete then
                return complete, why
            end
            local lines, failed = paths_left(place, node, service, rules)
            if not lines then
                return nil, failed
            end
            return #lines == 0, #lines == 0 and "no old path is left" or table.concat(lines, "; ")
        end,
        plan = function(node)
            -- Before the copy: what will be there is what is here.
            local complete = is_complete(place, node)
            local lines, why = paths_left(place, node, complete and service or place.spec.service_folder, rules)
            if not lines then
                error(why, 0)
            end
            return lines
        end,
        run = function(node)
            local count, changed = 0, 0
            local done, why = onto_the_share(place, node, function()
                return for_files(node, service, function(path)
                    local counts, failed = files.transform(node, path, rules)
                    if counts and counts.replaced > 0 then
                        count, changed = count + counts.replaced, changed + 1
                    end
                    return counts and true or false, failed
                end)
            end)
            return done, done and ("%d paths in %d files"):format(count, changed) or why
        end,
        undo = function(node)
            local done, why = for_files(node, service, function(path)
                return files.restore(node, path)
            end)
            return done, done and "the originals are back" or why
        end,
    }
end

-- ---- People --------------------------------------------------------------------------------------

local function downtime(place)
    return setup.by_hand {
        name = "downtime", title = "the downtime begins",
        human = ("From the next step on nobody can send or read mail, until %s serves: for as long as one more "
            .. "copy of what is new takes.\nTell who has to know; then say that it may begin.")
            :format(place.primary.name),
    }
end

local function licence(place, node, verb)
    return setup.by_hand {
        name = "licence-" .. (node == place.primary and "primary" or "standby"), title = "the licence on " .. node.name,
        human = ("Sign in to SmarterMail's web interface on %s as the system administrator, and %s the Enterprise "
            .. "key there:\nSettings, Activation, Licensing."):format(node.name, verb),
    }
end

local function paths_seen(place)
    local standby = place.standby
    return setup.by_hand {
        name = "paths-seen", title = "the paths on " .. standby.name,
        human = ("In SmarterMail's web interface on %s, see that domains and settings are there, and that their paths "
            .. "are on %s."):format(standby.name, place.share),
        look = function()
            local moved, words = has_moved(place)
            if moved then
                return true, words
            end
            local runs, why = place.spec.mail.look(standby)
            if not runs then
                return runs, why
            end
            local text, lines = failover_of(place, standby)
            if not text then
                return nil, lines
            elseif #lines > 0 then
                return false, table.concat(lines, "; ")
            end
            return is_complete(place, standby)
        end,
    }
end

local function ports_bound(place)
    local address, primary = place.address, place.primary
    return setup.by_hand {
        name = "bindings", title = "the ports on " .. primary.name,
        human = ("In SmarterMail's web interface: Settings, Bindings, IP Address. Bind all ports to %s, and none to "
            .. "any other address."):format(address or "the floating address"),
        look = address and function()
            return bindings.ports_are_bound(primary, place.spec.ports, address)
        end or nil,
    }
end

local function sites_bound(place)
    local address = place.address
    return setup.by_hand {
        name = "iis", title = "the IIS bindings",
        human = ("In IIS Manager on each server: Sites, SmarterMail, Bindings. Bind the site to %s.")
            :format(address or "the floating address"),
        look = address and function()
            for _, node in ipairs(group.nodes) do
                local so, detail = bindings.sites_are_bound(node, address)
                if not so then
                    return so, ("%s: %s"):format(node.name, detail)
                end
            end
            return true, "all are bound to " .. address
        end or nil,
    }
end

-- ---- All -----------------------------------------------------------------------------------------

-- The service on the standby once, for its licence; then where it belongs.
local function ending(place, parts, list)
    local primary, standby = place.primary, place.standby
    local function unless()
        return has_moved(place)
    end
    local more = {
        setup.started(parts { name = "start-standby", title = "SmarterMail on " .. standby.name, node = standby,
            unless = unless }),
        paths_seen(place),
        licence(place, standby, "activate"),
        setup.stopped(parts { name = "stop-standby", title = "SmarterMail stopped again", on = "standbys",
            after = "start-standby", final = true }),
        setup.started(parts { name = "start-primary", title = "SmarterMail on " .. primary.name, node = primary,
            after = "start-standby" }),
        licence(place, primary, "re-activate"),
        ports_bound(place),
        place.spec.iis and sites_bound(place) or nil,
    }
    for _, one in ipairs(more) do
        list[#list + 1] = one
    end
    return list
end

--- The steps of `init` and `migrate`. Both are nil where the group has no share or fewer than two nodes.
---@param spec SmarterMailSetup
---@return { init: Step[]?, migrate: Step[]? }
function smartermail_setup.steps(spec)
    local primary, standby = group.nodes[1], group.nodes[2]
    if not group.share or not standby then
        return {}
    end
    local place = {
        spec = spec, share = group.share, service = smartermail_files.shared_folder(primary),
        primary = primary, standby = standby, address = group.floating and group.floating:match "^[^/]*" or nil,
    }
    local function parts(fields)
        fields.start, fields.stop, fields.deadline = spec.start, spec.stop, spec.deadline
        return fields
    end
    local function stopped(name, on)
        return setup.stopped(parts { name = name, title = "SmarterMail stopped", on = on, unless = function()
            return has_moved(place)
        end })
    end
    return {
        init = ending(place, parts, {
            share_writable(place),
            service_folder(place),
            stopped("stop", "each"),
            failover_written(place),
            failover_copied(place),
            system_copied(place),
        }),
        migrate = ending(place, parts, {
            share_writable(place),
            service_folder(place),
            stopped("stop-standbys", "standbys"),
            mail_pass(place, "mail-first", "mail data to the share, while mail goes on", { first = true }),
            mail_pass(place, "mail-second", "what was new meanwhile", {}),
            downtime(place),
            stopped("stop-primary", "primary"),
            failover_written(place),
            failover_copied(place),
            mail_pass(place, "mail-final", "the rest of the mail data", { final = true }),
            system_copied(place),
            paths_rewritten(place),
        }),
    }
end

return smartermail_setup
