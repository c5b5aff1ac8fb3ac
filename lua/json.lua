--- JSON (RFC 8259): what an API answers, read; a text, written.

local json = {}

-- Deeper than any answer is, and less than what Lua's own stack holds.
local DEPTH_MAX = 64

local ESCAPES = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ['"'] = '"', ["\\"] = "\\", ["/"] = "/" }
local WORDS = { ["true"] = true, ["false"] = false }

local read_value

local function blame(at, what)
    error({ at = at, what = what }, 0)
end

local function blanks(text, at)
    return text:match("^[ \t\r\n]*()", at)
end

-- \uXXXX at `at`, two of them where the first is half of a pair.
local function read_unit(text, at)
    local hex = text:match("^\\u(%x%x%x%x)", at)
    return hex and tonumber(hex, 16)
end

local function read_escape(text, at)
    local plain = ESCAPES[text:sub(at + 1, at + 1)]
    if plain then
        return plain, at + 2
    end
    local unit = read_unit(text, at)
    local low = unit and unit >= 0xD800 and unit < 0xDC00 and read_unit(text, at + 6)
    if low and low >= 0xDC00 and low < 0xE000 then
        return utf8.char(0x10000 + (unit - 0xD800) * 0x400 + low - 0xDC00), at + 12
    elseif not unit or unit >= 0xD800 and unit < 0xE000 then
        blame(at, "an escape that JSON does not have")
    end
    return utf8.char(unit), at + 6
end

local function read_text(text, at)
    local parts, from = {}, at
    at = at + 1
    while true do
        local plain, next_at = text:match('^([^"\\%c]*)()', at)
        parts[#parts + 1] = plain
        at = next_at
        local byte = text:sub(at, at)
        if byte == '"' then
            return table.concat(parts), at + 1
        elseif byte == "\\" then
            parts[#parts + 1], at = read_escape(text, at)
        elseif byte == "\127" then -- a control character to Lua, none to JSON
            parts[#parts + 1], at = byte, at + 1
        else
            blame(from, "a text that does not end")
        end
    end
end

local function read_number(text, at)
    local digits, next_at = text:match("^(-?%d+%.?%d*[eE]?[+-]?%d*)()", at)
    local whole = digits and digits:match("^-?(%d+)")
    local value = digits and tonumber(digits)
    if not value or whole:find("^0%d") or digits:find("%.$") or digits:find("%.[eE]") then
        blame(at, "no value")
    end
    return value, next_at
end

-- The items between two brackets, each read by `item`.
local function read_list(text, at, last, item)
    at = blanks(text, at + 1)
    if text:sub(at, at) == last then
        return at + 1
    end
    while true do
        at = blanks(text, item(at))
        local byte = text:sub(at, at)
        if byte == last then
            return at + 1
        elseif byte ~= "," then
            blame(at, ("a comma or %s is missing"):format(last))
        end
        at = blanks(text, at + 1)
    end
end

local function read_object(text, at, depth)
    local object = {}
    local next_at = read_list(text, at, "}", function(from)
        if text:sub(from, from) ~= '"' then
            blame(from, "a name in quotes is missing")
        end
        local name, colon = read_text(text, from)
        colon = blanks(text, colon)
        if text:sub(colon, colon) ~= ":" then
            blame(colon, "a colon is missing")
        end
        local value, rest = read_value(text, blanks(text, colon + 1), depth + 1)
        object[name] = value
        return rest
    end)
    return object, next_at
end

local function read_array(text, at, depth)
    local array = {}
    local next_at = read_list(text, at, "]", function(from)
        local value, rest = read_value(text, from, depth + 1)
        if value == nil then
            value = json.null -- a hole would end the list
        end
        array[#array + 1] = value
        return rest
    end)
    return array, next_at
end

function read_value(text, at, depth)
    local first = text:sub(at, at)
    if depth > DEPTH_MAX then
        blame(at, ("deeper than %d levels"):format(DEPTH_MAX))
    elseif first == "{" then
        return read_object(text, at, depth)
    elseif first == "[" then
        return read_array(text, at, depth)
    elseif first == '"' then
        return read_text(text, at)
    end
    local word, next_at = text:match("^(%l+)()", at)
    if word == "null" then
        return nil, next_at
    elseif WORDS[word] ~= nil then
        return WORDS[word], next_at
    end
    return read_number(text, at)
end

--- What stands for null in a list; a member of an object that is null is not there.
json.null = setmetatable({}, { __tostring = function() return "null" end })

--- The value that a JSON text says: a table, text, number or boolean. nil and why for null, and for
--- what is no JSON or more than one value.
---@param text string
---@return any value
---@return string? why
function json.read(text)
    local fine, value, at = pcall(read_value, text, blanks(text, 1), 1)
    if not fine then
        if type(value) ~= "table" then
            error(value, 0)
        end
        return nil, ("no JSON: %s at byte %d"):format(value.what, value.at)
    end
    at = blanks(text, at)
    if at <= #text then
        return nil, ("no JSON: there is more at byte %d"):format(at)
    elseif value == nil then
        return nil, "it is null"
    end
    return value
end

--- A text as JSON writes it, in its quotes.
---@param text string
---@return string
function json.quote(text)
    return '"' .. text:gsub('[%c"\\]', function(byte)
        if byte == '"' or byte == "\\" then
            return "\\" .. byte
        end
        return ("\\u%04x"):format(byte:byte())
    end) .. '"'
end

return json
