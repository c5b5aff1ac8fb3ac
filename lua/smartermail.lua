--- SmarterMail: what runs on a node, and what its API says.
--
-- On Windows it is the service MailService and, for web mail, the IIS application pool
-- SmarterMail; on Linux one systemd unit.

local iis     = require "iis"
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

-- ---- Its API ---------------------------------------------------------------------------------

-- A value of JSON by its name, where names are not used twice: number, true, false or text.
local function value_of(body, name)
    local text = body:match('"' .. name .. '"%s*:%s*("?[^,}%]]*)')
    if not text then
        return nil
    end
    text = text:match("^%s*(.-)%s*$")
    if text == "true" or text == "false" then
        return text == "true"
    end
    return tonumber(text) or text:match('^"(.-)"$')
end

---@class SmarterMailApi
---@field url string           "https://mail.example.org"; https, because a password is sent
---@field user string          a system administrator
---@field secret string        name of the <secret> with the password
---@field ca_file? string
---@field verify? boolean      (true)
---@field services? string[]   that must run, by the API's names; all that it lists if missing
---@field spool_max? integer   messages that may wait (1000)
---@field every? number
---@field timeout? number

--- A probe of the API on the holder: are its services running, does the spool stay short? Unknown
--- where nobody answers: the mail ports say more than that.
---@param api SmarterMailApi
---@return Probe
function smartermail.api_probe(api)
    local token, until_time = nil, 0

    local function call(path, fields)
        fields.url = api.url .. path
        fields.ca_file, fields.verify, fields.timeout = api.ca_file, api.verify, api.timeout or 5
        return http(fields)
    end

    local function log_in()
        local body = ('{"username":"%s","password":"{{secret}}"}'):format((api.user:gsub('[\\"]', "\\%0")))
        local result = call("/api/v1/auth/authenticate-user", { method = "POST", body = body,
            body_secret = secret(api.secret), headers = { ["Content-Type"] = "application/json" },
            asks = "service.running" })
        token = result.ok and value_of(result.out, "accessToken") or nil
        until_time = now() + 600 -- it lives for about a quarter of an hour
        return result
    end

    local function ask(path)
        return call(path, { headers = { Authorization = "Bearer " .. token }, asks = "service.running" })
    end

    local function stopped_services(body)
        local listed = body:match('"services"%s*:%s*{(.-)}') or ""
        local down = {}
        for name, running in listed:gmatch('"([^"]+)"%s*:%s*(%a+)') do
            local wanted = not api.services
            for _, one in ipairs(api.services or {}) do
                wanted = wanted or one == name
            end
            if wanted and running ~= "true" then
                down[#down + 1] = name
            end
        end
        return down
    end

    return probe.custom {
        every = api.every or 30, timeout = (api.timeout or 5) * 3, on = "holder",
        run = function()
            if not token or now() > until_time then
                local result = log_in()
                if not token then
                    return nil, "the API lets nobody in: " .. result.detail
                end
            end
            local services = ask "/api/v1/settings/sysadmin/services"
            if services.code == 401 then
                token = nil
                return nil, "the API's token has run out"
            elseif not services.ok then
                return nil, "the API: " .. services.detail
            end
            local down = stopped_services(services.out)
            if #down > 0 then
                return false, "not running: " .. table.concat(down, ", ")
            end
            local spool = ask "/api/v1/settings/sysadmin/spool-message-counts"
            local waiting = spool.ok and value_of(spool.out, "waiting")
            if type(waiting) == "number" and waiting > (api.spool_max or 1000) then
                return false, ("%d messages wait in the spool"):format(waiting), waiting
            end
            return true, waiting and ("%s messages wait in the spool"):format(tostring(waiting)) or "its services run",
                type(waiting) == "number" and waiting or nil
        end,
    }
end

return smartermail
