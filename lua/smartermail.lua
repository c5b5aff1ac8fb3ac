--- SmarterMail: what runs on a node, and what its API says.
--
-- On Windows it is the service MailService and, for web mail, the IIS application pool
-- SmarterMail; on Linux one systemd unit.

local iis     = require "iis"
local json    = require "json"
local service = require "service"
local windows = require "windows"

local smartermail = {}

---@class SmarterMailSpec
---@field service? string    Windows service ("MailService")
---@field pool? string       IIS application pool ("SmarterMail"); "" where web mail is no IIS site
---@field unit? string       Linux: the systemd unit ("smartermail.service")
---@field deadline? number   seconds for one start or stop (60)
---@field attempts? integer  of a start, in a move (1)

---@class SmarterMail
---@field mail Service
---@field web? Service  the application pool

--- Its parts on Windows nodes.
---@param spec? SmarterMailSpec
---@return SmarterMail
function smartermail.on_windows(spec)
    spec = spec or {}
    local options = { deadline = spec.deadline or 60, attempts = spec.attempts }
    local pool = spec.pool or "SmarterMail"
    return {
        mail = windows.service(spec.service or "MailService", options),
        web = pool ~= "" and iis.pool(pool, options) or nil,
    }
end

--- Its part on Linux nodes.
---@param spec? SmarterMailSpec
---@return SmarterMail
function smartermail.on_linux(spec)
    spec = spec or {}
    return { mail = service.systemd(spec.unit or "smartermail.service",
        { deadline = spec.deadline or 60, attempts = spec.attempts }) }
end

-- ---- As actions, for policies that name them ---------------------------------------------------

local function is_windows_group()
    for _, node in ipairs(group.nodes) do
        if windows.is(node) then
            return true
        end
    end
    return false
end

local function text_or(value, otherwise)
    return type(value) == "string" and value or otherwise
end

-- By the group's nodes, and what the configuration calls things.
local here
if is_windows_group() then
    here = smartermail.on_windows { service = text_or(param.service), pool = text_or(param.pool) }
else
    here = smartermail.on_linux { unit = text_or(param.unit) }
end

smartermail.start_service = here.mail.start ---@type Action
smartermail.stop_service  = here.mail.stop ---@type Action
smartermail.restart       = here.mail.restart ---@type Action
if here.web then
    smartermail.start_app_pool = here.web.start ---@type Action
    smartermail.stop_app_pool  = here.web.stop ---@type Action
end

-- ---- Its ports -------------------------------------------------------------------------------

---@class SmarterMailPorts  as the shipped policies have them; 0: not asked
---@field smtp_port integer
---@field submission_port integer
---@field imap_port integer
---@field pop3_port integer
---@field web_port integer
---@field web_path string
---@field every number
---@field timeout number
---@field fall integer
---@field rise integer

local PORTS = {
    { "smtp", "smtp" }, { "submission", "smtp" }, { "imap", "imap" }, { "pop3", "pop3" }, { "web", "http" },
}

-- It listens on the floating address, and on no other.
local function via()
    return group.floating and "floating" or "node"
end

--- Probes of what clients use, on the holder: smtp, submission, imap, pop3, web.
---@param set SmarterMailPorts
---@return table<string, Probe>
---@return string[] names  in this order
function smartermail.client_probes(set)
    local probes, names = {}, {}
    for _, one in ipairs(PORTS) do
        local name, kind = one[1], one[2]
        local port = set[name .. "_port"]
        if port > 0 then
            names[#names + 1] = name
            probes[name] = probe[kind] { port = port, path = name == "web" and set.web_path or nil, on = "holder",
                via = via(), every = set.every, timeout = set.timeout, fall = set.fall, rise = set.rise }
        end
    end
    return probes, names
end

--- The ports of mail that are asked; not that of web mail, which IIS binds as it likes.
---@param set SmarterMailPorts
---@return integer[]
function smartermail.mail_ports(set)
    local list = {}
    for _, one in ipairs(PORTS) do
        local port = set[one[1] .. "_port"]
        if port > 0 and one[2] ~= "http" then
            list[#list + 1] = math.tointeger(port)
        end
    end
    return list
end

--- The end of a move: the first mail port that is asked answers at the floating address. Asked again
--- and again: a cluster converges, neighbours hear late, a mail server takes its time to come up.
---@param set SmarterMailPorts
---@return Probe[]
function smartermail.seen_by_clients(set)
    for _, one in ipairs(PORTS) do
        local name, kind = one[1], one[2]
        if set[name .. "_port"] > 0 and kind ~= "http" then
            return { probe[kind] { name = name .. " on the floating address", port = set[name .. "_port"],
                via = via(), timeout = set.timeout, attempts = 30, retry = 1 } }
        end
    end
    return {}
end

-- ---- Its API ---------------------------------------------------------------------------------

-- SmarterMail 17 and up. A token lives for about a quarter of an hour.
local TOKEN_LIFE = 600

---@class SmarterMailApi
---@field url string           "https://mail.example.org"; https, because a password is sent
---@field user string          a system administrator
---@field secret string        name of the <secret> with the password
---@field ca_file? string
---@field verify? boolean      (true)
---@field timeout? number      seconds for one answer (5)

local function host_of(node)
    return group.floating and group.floating:match("^[^/]*") or node.address
end

-- Asks on behalf of all probes of one API, with one token. The question goes out with `asks` for
-- the simulated world, which has no JSON: it says yes or no.
local function door(api)
    local token, until_time = nil, 0
    local timeout = api.timeout or 5

    local function call(node, path, fields)
        fields.url, fields.connect_to = api.url:gsub("/+$", "") .. "/api/v1/" .. path, host_of(node)
        fields.ca_file, fields.verify, fields.timeout = api.ca_file, api.verify, timeout
        return http(fields)
    end

    local function log_in(node)
        local result = call(node, "auth/authenticate-user", {
            method = "POST", headers = { ["Content-Type"] = "application/json" },
            body = ('{"username":%s,"password":"{{secret}}"}'):format(json.quote(api.user)),
            body_secret = api.secret, asks = "api.up",
        })
        local answer = result.out == "yes" and { accessToken = "simulated" } or result.ok and json.read(result.out)
        token = type(answer) == "table" and type(answer.accessToken) == "string" and answer.accessToken or nil
        until_time = now() + TOKEN_LIFE
        return token ~= nil, result.ok and "it gives no token" or result.detail
    end

    return function(node, path, asks, read)
        if not token or now() > until_time then
            local known, why = log_in(node)
            if not known then
                return nil, "the API lets nobody in: " .. why
            end
        end
        local result = call(node, path, { headers = { Authorization = "Bearer " .. token }, asks = asks })
        if result.out == "yes" or result.out == "no" then
            return result.out == "yes", result.detail
        elseif result.code == 401 then
            token = nil
            return nil, "the API's token has run out"
        elseif not result.ok then
            return nil, "the API: " .. result.detail
        end
        local answer, why = json.read(result.out)
        if type(answer) ~= "table" then
            return nil, "the API: " .. (why or "an answer of another kind")
        end
        return read(answer, node)
    end
end

-- ---- Do its services run?

local function has(list, name)
    for _, one in ipairs(list) do
        if one == name then
            return true
        end
    end
    return false
end

local function services_run(wanted)
    return function(answer)
        local listed = answer.services
        if type(listed) ~= "table" then
            return nil, "the API: it lists no services"
        end
        local down, off = {}, {}
        for name, runs in pairs(listed) do
            local list = has(wanted, name) and down or off
            list[#list + 1] = runs ~= true and name or nil
        end
        for _, name in ipairs(wanted) do
            if listed[name] == nil then
                return nil, ("the API: it knows no service %q"):format(name)
            end
        end
        if #down > 0 then
            return false, "not running: " .. table.concat(down, ", ")
        elseif #off > 0 then
            return true, "switched off: " .. table.concat(off, ", ")
        end
        return true, "all its services run"
    end
end

-- ---- Does its spool grow?

-- It grows when it has more than `growth` messages more than `over` seconds ago, and was never
-- shorter than then in between.
local function spool_grows(growth, over)
    local samples, whose = {}, nil

    return function(answer, node)
        if type(answer.counts) ~= "table" then
            return nil, "the API: it counts no messages"
        end
        local count, at = 0, now()
        for _, n in pairs(answer.counts) do
            count = count + (math.type(n) and math.tointeger(math.floor(n)) or 0)
        end
        if whose ~= node.name then
            samples, whose = {}, node.name
        end
        samples[#samples + 1] = { at = at, count = count }
        while samples[2] and samples[2].at <= at - over do
            table.remove(samples, 1)
        end
        local first, least = samples[1], count
        for _, sample in ipairs(samples) do
            least = math.min(least, sample.count)
        end
        local words = ("%d messages in the spool"):format(count)
        if first.at <= at - over and least >= first.count and count - first.count > growth then
            return false, ("%s, %d more than %d s ago"):format(words, count - first.count, at - first.at), count
        end
        return true, words, count
    end
end

-- ---- How long is it licensed?

-- Days from 1970-01-01 to a date of the Gregorian calendar.
local function day_of(year, month, day)
    if month <= 2 then
        year, month = year - 1, month + 12
    end
    return 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469
end

-- What the answer looks like is not written down: a number that has "day" in its name, or a date
-- that has "expir", at any depth; the smallest.
local function days_left(value, name)
    local least
    if type(value) == "table" then
        for key, item in pairs(value) do
            local days = days_left(item, type(key) == "string" and key:lower() or name)
            least = days and math.min(days, least or days) or least
        end
    elseif math.type(value) and name:find("day", 1, true) then
        least = math.tointeger(math.floor(value))
    elseif type(value) == "string" and name:find("expir", 1, true) then
        local year, month, day = value:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)")
        least = year and day_of(tonumber(year), tonumber(month), tonumber(day)) - math.floor(wall() / 86400)
    end
    return least
end

local function licence_lasts(days)
    return function(answer)
        local left = days_left(answer, "")
        if not left then
            return true, "no word of an end of the licence"
        end
        return left >= days, ("the licence ends in %d days"):format(left), left
    end
end

-- Asks no more often than that, and says in between what was said last. As a probe with such an
-- `every` it would be unknown for hours.
local function seldom(every, ask)
    local said, at, whose
    return function(node)
        if not said or whose ~= node.name or now() - at >= every then
            said, at, whose = table.pack(ask(node)), now(), node.name
            if said[1] == nil then
                local unknown = said
                said = nil
                return table.unpack(unknown, 1, unknown.n)
            end
        end
        return table.unpack(said, 1, said.n)
    end
end

-- An alert when it begins, and once a day while it lasts.
local function alerting(what, ask)
    local alerted
    return function(node)
        local so, detail, value = ask(node)
        if so then
            alerted = nil
        elseif so == false and (not alerted or now() - alerted >= 86400) then
            alerted = now()
            log("alert", ("%s on %s: %s"):format(what, node.name, detail))
        end
        return so, detail, value
    end
end

-- ---- As probes

-- The names in "smtp, imap".
local function names_in(text)
    local names = {}
    for name in tostring(text or ""):gmatch("[^,]+") do
        names[#names + 1] = name:match("^%s*(.-)%s*$")
    end
    return names
end

---@class SmarterMailApiSettings  as the shipped policies have them
---@field api_url? string
---@field api_user? string
---@field api_secret? string
---@field api_ca_file? string
---@field api_every number
---@field api_services? string  that must run, by the API's names: "smtp, imap"
---@field spool_growth number   messages
---@field spool_over number     seconds
---@field licence_days number
---@field licence_every number

-- nil where address, user or secret is missing.
local function door_of(set)
    local timeout = 5
    if set.api_url and set.api_user and set.api_secret then
        return door { url = set.api_url, user = set.api_user, secret = secret(set.api_secret),
            ca_file = set.api_ca_file, timeout = timeout }, timeout
    end
end

--- Does the licence last for so many days, as the API says? nil where address, user or secret is
--- missing.
---@param set SmarterMailApiSettings
---@param days number
---@return (fun(node: Node): boolean?, string)?
function smartermail.licence_look(set, days)
    local ask = door_of(set)
    return ask and function(node)
        return ask(node, "settings/sysadmin/license-notifications", "licence.valid", licence_lasts(days))
    end
end

--- Days from now to a date; an error of licence_until where it is none.
---@param date string  "2027-06-30"
---@return integer
function smartermail.days_until(date)
    local year, month, day = date:match "^(%d%d%d%d)%-(%d%d)%-(%d%d)$"
    if not year then
        error(("licence_until: %q is no date like 2027-06-30"):format(date), 0)
    end
    return day_of(tonumber(year), tonumber(month), tonumber(day)) - math.floor(wall() / 86400)
end

--- Probes of the API on the holder: `api`, its services run; `spool` does not grow; `licence` lasts.
--- The last two say so in the log too. Unknown where nobody answers: the ports say more than that.
--- None where address, user or secret is missing.
---@param set SmarterMailApiSettings
---@return table<string, Probe>
function smartermail.api_probes(set)
    local ask, timeout = door_of(set)
    if not ask then
        return {}
    end
    local function asking(path, asks, read)
        return function(node)
            return ask(node, "settings/sysadmin/" .. path, asks, read)
        end
    end
    local function made(run)
        return probe.custom { every = set.api_every, timeout = 2 * timeout + 1, fall = 2, rise = 1, on = "holder",
            run = run }
    end

    local probes = { api = made(asking("services", "api.running", services_run(names_in(set.api_services)))) }
    if set.spool_growth > 0 then
        probes.spool = made(alerting("the spool grows",
            asking("spool-message-counts", "spool.short", spool_grows(set.spool_growth, set.spool_over))))
    end
    if set.licence_days > 0 then
        probes.licence = made(alerting("the licence runs out", seldom(set.licence_every,
            asking("license-notifications", "licence.valid", licence_lasts(set.licence_days)))))
    end
    return probes
end

return smartermail
