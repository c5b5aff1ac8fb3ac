-- The disks of the model: those of each host, and shares that all hosts see. What fails gives nil and
-- the error number of Windows, which .NET and robocopy each say in their own way.
--
-- A tree (a host, or one of lab.shares) has `files`, texts by path in small letters, which tests may
-- set as they are; and what else is known of them: `directories`, `names` (as written), `read_only`,
-- `denied` (paths; what is below them too), `capacity` (bytes), `vanishes` (a share: after so many writes).

local volume = {}

volume.NOT_FOUND, volume.NO_PATH, volume.DENIED, volume.IN_USE = 2, 3, 5, 32
volume.NO_NETWORK_PATH, volume.EXISTS, volume.FULL, volume.NOT_EMPTY = 53, 183, 112, 145

-- "c:\a\.\b\\c. " is C:\a\b\c.
function volume.normal(path)
    local plain = tostring(path):gsub("/", "\\")
    local head, rest = plain:match "^(\\\\[^\\]+\\[^\\]+)(.*)$"
    if not head then
        head, rest = plain:match "^(%a:)(.*)$"
    end
    local parts = {}
    for part in (rest or plain):gmatch "[^\\]+" do
        part = (part == "." or part == "..") and part or part:gsub("[. ]+$", "")
        if part == ".." then
            parts[#parts] = nil
        elseif part ~= "." and part ~= "" then
            parts[#parts + 1] = part
        end
    end
    return (head or "") .. (#parts > 0 and "\\" or "") .. table.concat(parts, "\\")
end

function volume.parent(path)
    return path:match "^(.*)\\[^\\]+$" or path
end

local function is_below(path, folder)
    return path == folder or path:sub(1, #folder + 1) == folder .. "\\"
end

function volume.share_of(lab, path)
    for root, share in pairs(lab.shares) do
        if is_below(path:lower(), root:lower()) then
            return root, share
        end
    end
end

-- The tree that a path is in, its key there, and the path as it is written; nil and the error.
function volume.place(host, path)
    local name, tree = volume.normal(path), host
    if name:sub(1, 2) == "\\\\" then
        local _, share = volume.share_of(host.lab, name)
        if not share or not share.reachable or host.faults.no_share then
            return nil, volume.NO_NETWORK_PATH
        end
        tree = share
    end
    for _, field in ipairs { "directories", "names", "times", "read_only", "denied", "acl" } do
        tree[field] = tree[field] or {}
    end
    return tree, name:lower(), name
end

local function is_denied(tree, key)
    for folder in pairs(tree.denied) do
        if is_below(key, folder:lower()) then
            return true
        end
    end
    return false
end

local function may_write(tree, key)
    if tree.vanishes then
        tree.vanishes = tree.vanishes - 1
        if tree.vanishes < 0 then
            tree.reachable, tree.vanishes = false, nil
            return nil, volume.NO_NETWORK_PATH
        end
    end
    if is_denied(tree, key) or tree.writable == false then
        return nil, volume.DENIED
    end
    return true
end

local function is_folder(tree, key)
    if tree.directories[key] ~= nil or not key:find("\\", 3, true) or key:find "^\\\\[^\\]+\\[^\\]+$" then
        return true
    end
    for file in pairs(tree.files) do
        if is_below(file, key) and file ~= key then
            return true
        end
    end
    for folder in pairs(tree.directories) do
        if is_below(folder, key) then
            return true
        end
    end
    return false
end

-- When a file was last written; tests may have set it behind our back.
local clock = 0
local function time_of(tree, key)
    local known = tree.times[key]
    if not known or known.text ~= tree.files[key] then
        clock = clock + 1
        known = { text = tree.files[key], at = clock }
        tree.times[key] = known
    end
    return known.at
end

-- May another open it for `access` ("read" or "write"), while the first keeps it open as it does?
-- host.open: { key, access, share = "none" | "read" … } of each stream that is open.
function volume.is_free(host, path, access, share)
    local key = volume.normal(path):lower()
    for _, one in pairs(host.open or {}) do
        local allows = one.share == "none" and "" or one.share
        if one.key == key and (not allows:find(access == "read" and "read" or "write", 1, true)
            or share and not share:find(one.access == "read" and "read" or "write", 1, true)) then
            return false
        end
    end
    return true
end

-- ---- Files -------------------------------------------------------------------------------------

-- { text, time, read_only, name }.
function volume.read(host, path)
    local tree, key, name = volume.place(host, path)
    if not tree then
        return nil, key
    elseif is_denied(tree, key) then
        return nil, volume.DENIED
    elseif tree.files[key] == nil then
        return nil, is_folder(tree, volume.parent(key)) and volume.NOT_FOUND or volume.NO_PATH
    end
    return { text = tree.files[key], time = time_of(tree, key), read_only = tree.read_only[key] or false,
        name = tree.names[key] or name }
end

local function used(tree)
    local sum = 0
    for _, text in pairs(tree.files) do
        sum = sum + #text
    end
    return sum
end

-- `as`: time and read_only of a file that it is a copy of.
function volume.write(host, path, text, as)
    local tree, key, name = volume.place(host, path)
    if not tree then
        return nil, key
    end
    local may, why = may_write(tree, key)
    if not may then
        return nil, why
    elseif not is_folder(tree, volume.parent(key)) then
        return nil, volume.NO_PATH
    elseif tree.read_only[key] or tree.files[key] == nil and is_folder(tree, key) then
        return nil, volume.DENIED
    elseif tree.capacity and used(tree) - #(tree.files[key] or "") + #text > tree.capacity then
        return nil, volume.FULL
    end
    tree.names[key] = tree.files[key] and tree.names[key] or name
    tree.files[key] = text
    clock = clock + 1
    tree.times[key] = { text = text, at = as and as.time or clock }
    tree.read_only[key] = as and as.read_only or nil
    return true
end

function volume.delete(host, path, even_read_only)
    local tree, key = volume.place(host, path)
    if not tree then
        return nil, key
    end
    local may, why = may_write(tree, key)
    if not may then
        return nil, why
    elseif tree.files[key] == nil then
        return nil, is_folder(tree, volume.parent(key)) and volume.NOT_FOUND or volume.NO_PATH
    elseif tree.read_only[key] and not even_read_only then
        return nil, volume.DENIED
    end
    tree.files[key], tree.names[key], tree.times[key], tree.read_only[key] = nil, nil, nil, nil
    return true
end

-- A rename; a file that is read-only can be renamed.
function volume.move(host, from, to)
    local file, code = volume.read(host, from)
    if not file then
        return nil, code
    elseif volume.read(host, to) or volume.is_folder(host, to) then
        return nil, volume.EXISTS
    end
    local done, why = volume.write(host, to, file.text, file)
    if not done then
        return nil, why
    end
    return volume.delete(host, from, true)
end

function volume.set_read_only(host, path, read_only)
    local tree, key = volume.place(host, path)
    if not tree then
        return nil, key
    elseif tree.files[key] == nil then
        return nil, volume.NOT_FOUND
    end
    tree.read_only[key] = read_only or nil
    return true
end

-- ---- Folders -----------------------------------------------------------------------------------

function volume.is_folder(host, path)
    local tree, key = volume.place(host, path)
    if not tree then
        return nil, key
    elseif is_denied(tree, key) then
        return nil, volume.DENIED
    elseif tree.files[key] == nil and is_folder(tree, key) then
        return true
    end
    return false, is_folder(tree, volume.parent(key)) and volume.NOT_FOUND or volume.NO_PATH
end

-- With all that are above it.
function volume.make(host, path, acl)
    local tree, key, name = volume.place(host, path)
    if not tree then
        return nil, key
    elseif tree.files[key] then
        return nil, volume.EXISTS
    elseif is_folder(tree, key) then
        tree.directories[key] = tree.directories[key] or acl or "inherited"
        return true
    end
    local made, why = volume.make(host, volume.parent(name))
    if made then
        made, why = may_write(tree, key)
    end
    if not made then
        return nil, why
    end
    tree.directories[key], tree.names[key] = acl or "inherited", name
    return true
end

-- What is in a folder: { name, path, folder = bool }, sorted; nil and the error.
function volume.list(host, path)
    local there, why = volume.is_folder(host, path)
    if not there then
        return nil, why
    end
    local tree, key, name = volume.place(host, path)
    local found, out = {}, {}
    local function add(full, is_file)
        if is_below(full, key) and full ~= key then
            local first, more = full:sub(#key + 2):match "^([^\\]+)(.*)$"
            found[first] = found[first] or is_file and more == "" and "file" or "folder"
        end
    end
    for full in pairs(tree.files) do
        add(full, true)
    end
    for full in pairs(tree.directories) do
        add(full, false)
    end
    for first, kind in pairs(found) do
        local known = tree.names[key .. "\\" .. first]
        local shown = known and known:match "[^\\]*$" or first
        out[#out + 1] = { name = shown, path = name .. "\\" .. shown, folder = kind == "folder" }
    end
    table.sort(out, function(a, b) return a.name:lower() < b.name:lower() end)
    return out
end

-- Only where it is empty.
function volume.remove(host, path)
    local list, why = volume.list(host, path)
    if not list then
        return nil, why
    elseif #list > 0 then
        return nil, volume.NOT_EMPTY
    end
    local tree, key = volume.place(host, path)
    local may, no = may_write(tree, key)
    if not may then
        return nil, no
    end
    tree.directories[key], tree.names[key] = nil, nil
    return true
end

-- A rename with all that is in it.
function volume.move_folder(host, from, to)
    local there, why = volume.is_folder(host, from)
    if not there then
        return nil, why
    elseif volume.is_folder(host, to) or volume.read(host, to) then
        return nil, volume.EXISTS
    end
    local tree, old, old_name = volume.place(host, from)
    local other, new, new_name = volume.place(host, to)
    assert(tree == other, "there is no way from one volume to another")
    local may, no = may_write(tree, old)
    if not may then
        return nil, no
    end
    for _, field in ipairs { "files", "directories", "names", "times", "read_only", "acl" } do
        local moved = {}
        for key, value in pairs(tree[field]) do
            if is_below(key, old) then
                moved[key] = value
            end
        end
        for key, value in pairs(moved) do
            tree[field][key] = nil
            local is_name = field == "names"
            tree[field][new .. key:sub(#old + 1)] = is_name and new_name .. value:sub(#old_name + 1) or value
        end
    end
    tree.directories[new] = tree.directories[new] or "inherited"
    tree.names[new] = new_name
    return true
end

return volume
