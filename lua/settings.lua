--- The settings of a policy: what the configuration sets, over defaults, checked.
--
--   local settings = require "settings"
--   local set = settings.read {
--       every   = 2,                                  -- a number, 2 unless it is set
--       standby = settings.choice { "hot", "cold" },  -- the first is the default
--   }
--
-- A setting of another type, or one that the policy does not know, is an error when the
-- policy is loaded: a typing mistake must not silently leave a default in place.

local settings = {}

local Kind = {}
Kind.__index = Kind

--- One of some words; the first is the default.
---@param words string[]
function settings.choice(words)
    return setmetatable({ words = words, default = words[1] }, Kind)
end

--- A setting that may be missing (nil then).
---@param kind "string"|"number"|"boolean"
function settings.optional(kind)
    return setmetatable({ kind = kind }, Kind)
end

--- A number within bounds.
---@param default number
---@param least number
---@param most? number
function settings.number(default, least, most)
    return setmetatable({ kind = "number", default = default, least = least, most = most }, Kind)
end

--- A whole path, as Linux or as Windows writes it.
---@param default? string  nil: it may be missing
function settings.path(default)
    return setmetatable({ kind = "string", path = true, default = default }, Kind)
end

--- Whole paths with commas between, as a list, which may be empty; no path has a comma itself.
function settings.paths()
    return setmetatable({ kind = "string", paths = true }, Kind)
end

local function contains(list, value)
    for _, item in ipairs(list) do
        if item == value then
            return true
        end
    end
    return false
end

local function wrong(name, value, wanted)
    error(("set name=%q: %s is wanted, not %q"):format(name, wanted, tostring(value)), 0)
end

-- A relative path would be looked for in another folder by each program, and as the beginning of an old
-- path it would be found in any text. Control characters can't be written in XML.
local function check_path(name, value)
    local whole = value:find "^/" or value:find "^%a:[\\/]" or value:find "^%a:$" or value:find "^\\\\[^\\]"
    if not whole or value:find "[\0-\31]" then
        wrong(name, value, "a whole path, such as /srv/mail or D:\\Mail,")
    end
    return value
end

local function paths_of(name, value)
    local list = {}
    for one in value:gmatch "[^,]+" do
        list[#list + 1] = check_path(name, one:match "^%s*(.-)%s*$")
    end
    return list
end

local function checked(name, rule, value)
    if type(rule) == "number" then
        rule = settings.number(rule, 0)
    elseif getmetatable(rule) ~= Kind then
        rule = settings.optional(type(rule))
    end
    if rule.words then
        if not contains(rule.words, value) then
            wrong(name, value, "one of " .. table.concat(rule.words, ", "))
        end
        return value
    end
    -- A word that looks like a number arrives as one: "2525" is fine where text is wanted.
    if rule.kind == "string" and type(value) == "number" then
        value = tostring(value)
    end
    if type(value) ~= rule.kind then
        wrong(name, value, "a " .. rule.kind .. (rule.kind == "boolean" and " (true or false)" or ""))
    end
    if rule.least and value < rule.least then
        wrong(name, value, "at least " .. rule.least)
    end
    if rule.most and value > rule.most then
        wrong(name, value, "at most " .. rule.most)
    end
    if rule.paths then
        return paths_of(name, value)
    end
    return rule.path and check_path(name, value) or value
end

local function default_of(rule)
    if getmetatable(rule) == Kind then
        return rule.paths and {} or rule.default
    end
    return rule
end

--- Read the settings.
---@param rules table<string, any>  a default value each, or one of the rules above
---@return table<string, any>
function settings.read(rules)
    local names = {}
    for name in pairs(rules) do
        names[#names + 1] = name
    end
    table.sort(names)
    for name in pairs(param) do
        if rules[name] == nil then
            error(("set name=%q: this policy has no such setting; there are: %s"):format(name,
                table.concat(names, ", ")), 0)
        end
    end
    local values = {}
    for _, name in ipairs(names) do
        local value = param[name]
        if value == nil then
            values[name] = default_of(rules[name])
        else
            values[name] = checked(name, rules[name], value)
        end
    end
    return values
end

return settings
