--- Commands of Windows nodes: PowerShell, with no value ever pasted in unquoted.
--
-- A script is a constant with `%s` where values go. Each value becomes a single-quoted
-- PowerShell string. The whole travels as -EncodedCommand or on standard input, so no shell on
-- its way has anything to take apart.

local powershell = {}

-- PowerShell takes four more characters than ' for a single quote; each one doubled is itself.
local QUOTES = { "'", "\u{2018}", "\u{2019}", "\u{201A}", "\u{201B}" }

--- A PowerShell string that stands for exactly this text.
---@param text string|number
---@return string
function powershell.quote(text)
    text = tostring(text)
    if text:find("%z") then
        error("a text for PowerShell holds no zero byte", 2)
    end
    for _, quote in ipairs(QUOTES) do
        text = text:gsub(quote, quote .. quote)
    end
    return "'" .. text .. "'"
end

local function utf16le(text)
    local out = {}
    for _, code in utf8.codes(text) do
        if code >= 0x10000 then
            code = code - 0x10000
            out[#out + 1] = ("<I2I2"):pack(0xD800 | code >> 10, 0xDC00 | code & 0x3FF)
        else
            out[#out + 1] = ("<I2"):pack(code)
        end
    end
    return table.concat(out)
end

-- A line through cmd.exe holds so much, and base64 of UTF-16 is 8/3 of a script.
local LINE_MAX = 7900

-- Reads the script from standard input, as base64 of UTF-8, so that no code page matters.
local BOOTSTRAP = [[
$text = [Console]::In.ReadToEnd()
$script = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($text))
& ([ScriptBlock]::Create($script))]]

local HEAD = "$ProgressPreference = 'SilentlyContinue'; $ErrorActionPreference = 'Stop'\n"
    .. "[Console]::OutputEncoding = [Text.Encoding]::UTF8\n"

local function encoded(script)
    return { "powershell.exe", "-NoProfile", "-NonInteractive", "-EncodedCommand", to_base64(utf16le(script)) }
end

-- The same few scripts are sent again and again: encoded once. Only so many are kept, so that one
-- with a value that is never the same twice fills no memory.
local KEPT_MAX = 128
local kept, n_kept = {}, 0

local function made(text)
    local request = kept[text]
    if request then
        return request
    end
    request = { command = encoded(text) }
    if #table.concat(request.command, " ") > LINE_MAX then
        return { command = encoded(BOOTSTRAP), input = to_base64(text) }
    end
    if n_kept == KEPT_MAX then
        kept, n_kept = {}, 0
    end
    kept[text], n_kept = request, n_kept + 1
    return request
end

--- What runs a script on a Windows node: `command` and, where it is too long for a command line,
--- `input`, to be merged into the request of `node:exec`. It ends with 1 and a line on standard
--- error where the script throws, and else with what the script says by `exit`.
---@param script string  with a %s for each value; nothing else in it is a `%`
---@param ... string|number  quoted here
---@return { command: string[], input: string? }
function powershell.request(script, ...)
    local values = {}
    for i = 1, select("#", ...) do
        values[i] = powershell.quote((select(i, ...)))
    end
    local text = HEAD .. "try {\n" .. script:format(table.unpack(values)) .. "\n"
        .. "} catch { [Console]::Error.WriteLine($_.Exception.GetBaseException().Message); exit 1 }\n"
    local request = made(text)
    return { command = request.command, input = request.input }
end

--- Run a script on a node. Waits.
---@param node Node
---@param fields table  of the request: timeout, effect, asks
---@param script string
---@param ... string|number
---@return Result
function powershell.run(node, fields, script, ...)
    local request = powershell.request(script, ...)
    fields.command, fields.input = request.command, request.input
    return node:exec(fields)
end

return powershell
