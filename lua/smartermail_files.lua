--- The system files of SmarterMail: failoverConfig.xml, and those that hold paths.

local files = require "files"

local smartermail_files = {}

-- ---- failoverConfig.xml ----------------------------------------------------------------------

local SETTINGS = { "SharedSystemFilesPath", "FailoverIPAddress", "IsEnabled" }

--- The Service folder of the group's share, as a node names it.
---@param node Node
---@return string
function smartermail_files.shared_folder(node)
    return files.join(node, group.share, "Service")
end

--- What failoverConfig.xml must say: the share's Service folder, the clients' address, True.
---@param node Node
---@return FailoverSettings
function smartermail_files.wanted(node)
    return {
        SharedSystemFilesPath = smartermail_files.shared_folder(node),
        FailoverIPAddress = group.floating and group.floating:match "^[^/]*" or nil,
        IsEnabled = true,
    }
end

local function word(value)
    local words = { [""] = "(empty)", [true] = "True", [false] = "False" }
    return value == nil and "(none)" or words[value] or value
end

--- What differs from what is wanted, as "IsEnabled False → True". nil and why where the text can't be read.
---@param text string  "": the file is not there
---@param wanted FailoverSettings
---@return string[]?
---@return string? why
function smartermail_files.differences(text, wanted)
    local now_is, why = {}, nil
    if text ~= "" then
        now_is, why = failover_settings(text)
    end
    if not now_is then
        return nil, why
    end
    local lines = {}
    for _, name in ipairs(SETTINGS) do
        if wanted[name] ~= nil and now_is[name] ~= wanted[name] then
            lines[#lines + 1] = ("%s %s → %s"):format(name, word(now_is[name]), word(wanted[name]))
        end
    end
    return lines
end

--- The text of the file; "" where there is none. nil and why where it can't be read. Waits.
---@param node Node
---@param path string
---@return string?
---@return string? why
function smartermail_files.failover_text(node, path)
    local text, why, missing = files.read(node, path)
    return text or missing and "" or nil, why
end

-- ---- Paths -----------------------------------------------------------------------------------

local PLACES = {
    { "", "^domainlist%.xml$" }, { "", "^mailconfig%.xml$" }, { "", "%.json$" }, { "Settings", "%.json$" },
}

--- The words of texts with commas between; what is nil is left out.
---@param texts table<integer, string?>
---@return string[]
function smartermail_files.list(texts)
    local list = {}
    for _, text in pairs(texts) do
        for one in text:gmatch "[^,]+" do
            list[#list + 1] = one:match "^%s*(.-)%s*$"
        end
    end
    return list
end

--- Rules that rewrite old path prefixes to the share.
---@param old_paths string[]
---@return { from: string, to: string }[]
function smartermail_files.rules(old_paths)
    local rules = {}
    for i, path in ipairs(old_paths) do
        rules[i] = { from = path, to = group.share }
    end
    return rules
end

--- The files below a folder that hold paths: domainlist.xml, mailconfig.xml, JSON. Waits.
---@param node Node
---@param folder string
---@return string[]? paths
---@return string? why
function smartermail_files.with_paths(node, folder)
    local list = {}
    for _, place in ipairs(PLACES) do
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

return smartermail_files
