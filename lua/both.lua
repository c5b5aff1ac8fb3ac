--- One thing on Linux and on Windows nodes: a script for sh and one for PowerShell, the same values.

local powershell = require "powershell"
local remote     = require "remote"

local both = {}

local NO = { [3] = true }

--- Is it a Windows node?
---@param node Node
---@return boolean
function both.is_windows(node)
    return node.transport == "winrm"
end

--- Run the script that is for this node. Waits.
---@param node Node
---@param timeout number
---@param linux string    sees the values as $1, $2 …
---@param windows string  with a %s for each
---@param ... string|number
---@return Result
function both.run(node, timeout, linux, windows, ...)
    if both.is_windows(node) then
        return powershell.run(node, { timeout = timeout }, windows, ...)
    end
    return node:exec { command = remote.shell(linux, ...), timeout = timeout }
end

--- A question: 0 is yes, 3 no, anything else no answer. Waits.
---@param node Node
---@param linux string
---@param windows string
---@param words { yes: string, no: string }
---@param ... string|number
---@return boolean? answer
---@return string detail
function both.ask(node, linux, windows, words, ...)
    return remote.answer(both.run(node, 60, linux, windows, ...), NO, words)
end

--- Did it say no?
---@param result Result
---@return boolean
function both.is_no(result)
    return result.failed and NO[result.code] or false
end

return both
