--- Files on nodes: small ones read and written whole, large ones rewritten in pieces, folders listed.
--
-- What is written is written beside the file, synced, read back, and put in its place in one
-- step; before the first time the file is kept as FILE.before-baton, which `restore` puts back. A file
-- that was not there leaves FILE.not-before-baton instead.

local linux_files   = require "linux_files"
local remote        = require "remote"
local windows_files = require "windows_files"

local files = {}

local WHOLE_MAX = 1 << 20 -- bytes of a file that is read whole
local MISSING = { [3] = true }

local function is_windows(node)
    return node.transport == "winrm"
end

local function of(node)
    return is_windows(node) and windows_files or linux_files
end

local function why(node, path, result)
    return ("%s: %s: %s"):format(node.name, path, remote.complaint(result))
end

--- `name` in `folder`, with the node's own slash.
---@param node Node
---@param folder string
---@param name string
---@return string
function files.join(node, folder, name)
    local slash = is_windows(node) and "\\" or "/"
    if is_windows(node) then
        folder, name = folder:gsub("[\\/]+$", ""), name:gsub("/", "\\")
    else
        folder = folder:gsub("/+$", "")
    end
    return folder .. slash .. name
end

-- Its size; nil, why, and whether it is not there.
local function size_of(node, path)
    local result = of(node).size(node, path)
    if result.failed and MISSING[result.code] then
        return nil, ("%s: %s is not there"):format(node.name, path), true
    end
    local size = result.ok and tonumber(result.out:match "%d+")
    if not size then
        return nil, why(node, path, result)
    end
    return size
end

--- A file, whole: at most 1 MiB. Waits.
---@param node Node
---@param path string
---@return string? text    nil: it can't be read
---@return string? why
---@return boolean? missing  it is not there
function files.read(node, path)
    local size, failed, missing = size_of(node, path)
    if not size then
        return nil, failed, missing
    elseif size > WHOLE_MAX then
        return nil, ("%s: %s has more than %d bytes"):format(node.name, path, WHOLE_MAX)
    end
    local read, at = {}, 0
    while at < size do
        local result, piece = of(node).piece(node, path, at)
        if not result.ok or piece == "" then
            return nil, why(node, path, result)
        end
        read[#read + 1], at = piece, at + #piece
    end
    return table.concat(read)
end

--- The names of the files in a folder, sorted; none where it is not there. Waits.
---@param node Node
---@param folder string
---@param pattern? string  of Lua, for names in small letters
---@return string[]? names
---@return string? why
function files.list(node, folder, pattern)
    local result, names = of(node).list(node, folder)
    if not result.ok and not (result.failed and MISSING[result.code]) then
        return nil, why(node, folder, result)
    elseif result.cut then
        return nil, ("%s: %s holds too many files"):format(node.name, folder)
    end
    local chosen = {}
    for _, name in ipairs(result.ok and names or {}) do
        if not pattern or name:lower():find(pattern) then
            chosen[#chosen + 1] = name
        end
    end
    table.sort(chosen)
    return chosen
end

-- Write what `each` gives, piece by piece, until it gives nil; then `finish` says which sums the new
-- and the old file must have. false and why: the file is as it was.
local function write(node, path, each, finish)
    local kind = of(node)
    local result = kind.begin(node, path)
    if not result.ok then
        return false, why(node, path, result)
    end
    local function give_up(reason)
        kind.drop(node, path)
        return false, reason
    end
    while true do
        local piece, failed = each()
        if failed then
            return give_up(failed)
        elseif not piece then
            break
        end
        result = #piece > 0 and kind.append(node, path, piece) or result
        if not result.ok then
            return give_up(why(node, path, result))
        end
    end
    local sums, failed = finish()
    if not sums then
        return give_up(failed)
    end
    result = kind.finish(node, path, sums.new, sums.old)
    if not result.ok then
        return give_up(why(node, path, result))
    end
    return true
end

--- Put `text`, which is XML or JSON, in the place of the file. Waits.
---@param node Node
---@param path string
---@param text string
---@return boolean done
---@return string? why   the file is as it was
function files.write(node, path, text)
    local made = rewriter { rules = {} } -- what is no such text is not written; and it knows its sum
    local out, failed = made:feed(text)
    local rest, counts
    if out then
        rest, counts = made:finish()
    end
    if not rest then
        return false, ("%s: %s: what is to be written is no XML: %s"):format(node.name, path, failed or counts)
    end
    local at, piece = 1, of(node).PIECE
    return write(node, path, function()
        if at > #text then
            return nil
        end
        at = at + piece
        return text:sub(at - piece, at - 1)
    end, function()
        return { new = counts.sha256_out }
    end)
end

-- The pieces of a file through a rewriter: what it gives, then nil; nil and why.
local function pieces(node, path, rules)
    local made = rewriter { rules = rules }
    local at, size, counts = 0, nil, nil

    local function read()
        local result, piece = of(node).piece(node, path, at)
        if not result.ok then
            return nil, why(node, path, result)
        elseif piece == "" then
            return nil, ("%s: %s: it became shorter meanwhile"):format(node.name, path)
        end
        at = at + #piece
        local out, failed = made:feed(piece)
        return out, failed and ("%s: %s: %s"):format(node.name, path, failed)
    end

    local function finish()
        local rest, said = made:finish()
        if not rest then
            return nil, ("%s: %s: %s"):format(node.name, path, said)
        end
        counts = said
        return rest
    end

    local function each()
        if not size then
            local found, failed = size_of(node, path)
            if not found then
                return nil, failed
            end
            size = found
        end
        if at < size then
            return read()
        elseif not counts then
            return finish()
        end
    end
    return each, function() return counts end
end

--- How many path prefixes `transform` would rewrite; nil and why where it could not. Waits.
---@param node Node
---@param path string
---@param rules { from: string, to: string }[]
---@return Rewritten? counts
---@return string? why
function files.would_transform(node, path, rules)
    local each, counts = pieces(node, path, rules)
    while true do
        local piece, failed = each()
        if failed then
            return nil, failed
        elseif not piece then
            return counts()
        end
    end
end

--- Rewrite path prefixes in an XML or JSON file; all else stays byte for byte. The original is kept.
--- nil and why: the file is as it was. Where nothing is to be rewritten the file is not touched. Waits.
---@param node Node
---@param path string
---@param rules { from: string, to: string }[]
---@return Rewritten? counts
---@return string? why
function files.transform(node, path, rules)
    local each, counts = pieces(node, path, rules)
    local done, failed = write(node, path, each, function()
        local said = counts()
        if said.replaced == 0 then
            return nil, "nothing to rewrite"
        end
        return { new = said.sha256_out, old = said.sha256_in }
    end)
    local said = counts()
    if done or said and said.replaced == 0 then
        return said
    end
    return nil, failed
end

--- Put the original back, or take away what was not there before; fine where neither is known. Waits.
---@param node Node
---@param path string
---@return boolean done
---@return string? why
function files.restore(node, path)
    local result = of(node).restore(node, path)
    if result.ok then
        return true, "the original is back"
    elseif result.failed and MISSING[result.code] then
        return true, "it was not changed"
    end
    return false, why(node, path, result)
end

return files