-- Files of the model as .NET shows them: what fails throws the exception that .NET does. Streams that
-- others may not open meanwhile, a disk that takes its time.

local volume = require "volume"

local files = {}

local FLUSH_S = 0.005 -- others get their turn while it waits

-- The exception of an error of Windows, as .NET makes it.
local KINDS = {
    [volume.NOT_FOUND] = { "io.filenotfoundexception", "Could not find file '%s'." },
    [volume.NO_PATH] = { "io.directorynotfoundexception", "Could not find a part of the path '%s'." },
    [volume.DENIED] = { "unauthorizedaccessexception", "Access to the path '%s' is denied." },
    [volume.IN_USE] = { "io.ioexception",
        "The process cannot access the file '%s' because it is being used by another process." },
    [volume.NO_NETWORK_PATH] = { "io.ioexception", "The network path was not found." },
    [volume.EXISTS] = { "io.ioexception", "Cannot create a file when that file already exists." },
    [volume.FULL] = { "io.ioexception", "There is not enough space on the disk." },
    [volume.NOT_EMPTY] = { "io.ioexception", "The directory is not empty." },
}

local throw

local function fail(code, path)
    local kind = KINDS[code] or error("windows_lab: there is no error " .. tostring(code))
    throw(kind[2]:format((tostring(path):gsub("%%", "%%%%"))), kind[1])
end

-- An array of bytes.
function files.array_of(bytes)
    return { text = "System.Byte[]", buffer = bytes, length = #bytes }
end

-- The bytes of a value: a string, or such an array.
function files.bytes(value)
    return type(value) == "table" and value.buffer or value
end

local READ_ONLY, DIRECTORY, ARCHIVE = 1, 16, 32

-- ---- Streams -----------------------------------------------------------------------------------

local function must_be_free(host, path, access, share)
    if not volume.is_free(host, path, access, share) then
        collectgarbage() -- a script that was ended keeps nothing open
    end
    if not volume.is_free(host, path, access, share) then
        fail(volume.IN_USE, path)
    end
end

local function must(value, code, path)
    return value or fail(code, path)
end

local function stream_of(host, scope, path, access, share)
    local stream = { text = "System.IO.FileStream", at = 0 }
    local opened = { key = volume.normal(path):lower(), access = access, share = share, stream = stream }
    local id = #scope.streams + 1

    local function text()
        local file, code = volume.read(host, path)
        return must(file, code, path).text
    end
    stream.get = {
        length = function() return #text() end,
        position = function() return stream.at end,
    }
    stream.set = { position = function(value) stream.at = value end }
    function stream.Write(_, bytes, from, len)
        assert(access ~= "read", "this stream is for reading")
        local before, new = text(), files.bytes(bytes):sub(from + 1, from + len)
        local padding = ("\0"):rep(stream.at - #before)
        local after = before:sub(1, stream.at) .. padding .. new .. before:sub(stream.at + #new + 1)
        local done, code = volume.write(host, path, after)
        must(done, code, path)
        stream.at = stream.at + #new
        return nil
    end
    function stream.Read(_, buffer, from, len)
        local piece = text():sub(stream.at + 1, stream.at + len)
        local before = buffer.buffer
        assert(from + len <= #before, "more than the buffer has room for")
        buffer.buffer = before:sub(1, from) .. piece .. before:sub(from + #piece + 1)
        stream.at = stream.at + #piece
        return #piece
    end
    function stream.Flush() lab_sleep(FLUSH_S) end
    function stream.Dispose() host.open[opened] = nil end
    stream.Close = stream.Dispose
    scope.streams[id] = stream
    host.open[opened] = opened
    stream.opened = opened -- as long as the stream is known
    return stream
end

local function open(host, scope, path, mode, access, share)
    access, share, mode = (access or "ReadWrite"):lower(), (share or "None"):lower(), mode:lower()
    must_be_free(host, path, access, share)
    local file, code = volume.read(host, path)
    if not file and code ~= volume.NOT_FOUND or not file and mode == "open" then
        fail(code, path)
    elseif file and file.read_only and access ~= "read" then
        fail(volume.DENIED, path)
    end
    assert(({ open = 1, create = 1, openorcreate = 1 })[mode], "there is no mode " .. mode .. " here")
    if not file or mode == "create" then
        local done, why = volume.write(host, path, "")
        must(done, why, path)
    end
    return stream_of(host, scope, path, access, share)
end

-- ---- IO.File -----------------------------------------------------------------------------------

local function delete(host, path, even_read_only)
    must_be_free(host, path, "write")
    local done, code = volume.delete(host, path, even_read_only)
    if not done and code ~= volume.NOT_FOUND then
        fail(code, path)
    end
end

local function write_text(host, path, text)
    must_be_free(host, path, "write")
    local done, code = volume.write(host, path, text)
    must(done, code, path)
end

local function read_text(host, path)
    must_be_free(host, path, "read")
    local file, code = volume.read(host, path)
    return must(file, code, path).text
end

local function move(host, from, to)
    local file, code = volume.read(host, from)
    must(file, code, from)
    must_be_free(host, from, "write")
    if host.faults.stuck and from:find(host.faults.stuck, 1, true) then
        fail(volume.IN_USE, from)
    end
    local done, why = volume.move(host, from, to)
    must(done, why, to)
end

-- ReplaceFile: what is to be replaced must be there and not be read-only; a backup that is there is
-- overwritten. A null of PowerShell would be an empty name here, which .NET refuses.
local function replace(host, from, to, backup)
    local none = type(backup) == "table" and backup.null_string
    if not none and (type(backup) ~= "string" or backup == "") then
        throw("The path is not of a legal form.", "argumentexception")
    end
    for _, path in ipairs { from, to } do
        local file, code = volume.read(host, path)
        must(file, code, path)
        must_be_free(host, path, "write")
    end
    local old = volume.read(host, to)
    if old.read_only or host.faults.no_replace then
        fail(volume.DENIED, to)
    elseif not none then
        delete(host, backup, true)
        move(host, to, backup)
        local how = host.faults.half_replaced
        if how then -- ERROR_UNABLE_TO_MOVE_REPLACEMENT_2: the file has its backup's name, and no other
            throw("The replaced file could not be renamed.", "io.ioexception")
        end
    else
        delete(host, to)
    end
    move(host, from, to)
end

local function get_attributes(host, path)
    local folder, code = volume.is_folder(host, path)
    if folder then
        return DIRECTORY
    end
    local file = volume.read(host, path)
    must(file, code, path)
    return ARCHIVE | (file.read_only and READ_ONLY or 0)
end

local function file_type(host, scope)
    return {
        exists = function(path) return volume.read(host, path) ~= nil end,
        readalltext = function(path) return read_text(host, path) end,
        writealltext = function(path, s) write_text(host, path, tostring(s)) end,
        appendalltext = function(path, s)
            local file = volume.read(host, path)
            write_text(host, path, (file and file.text or "") .. tostring(s))
        end,
        delete = function(path) delete(host, path) end,
        open = function(...) return open(host, scope, ...) end,
        openread = function(path) return open(host, scope, path, "Open", "Read", "Read") end,
        openwrite = function(path) return open(host, scope, path, "OpenOrCreate", "Write", "None") end,
        move = function(from, to) move(host, from, to) end,
        replace = function(from, to, backup) replace(host, from, to, backup) end,
        copy = function(from, to, over)
            if over ~= true and volume.read(host, to) then
                fail(volume.EXISTS, to)
            end
            local file, code = volume.read(host, from)
            must(file, code, from)
            local done, why = volume.write(host, to, file.text, file)
            must(done, why, to)
        end,
        getattributes = function(path) return get_attributes(host, path) end,
        setattributes = function(path, value)
            local done, code = volume.set_read_only(host, path, tostring(value):lower():find "readonly" ~= nil)
            must(done, code, path)
        end,
    }
end

-- ---- IO.Directory ------------------------------------------------------------------------------

local function entries(host, path, which)
    local list, code = volume.list(host, path)
    if not list then
        fail(code == volume.NOT_FOUND and volume.NO_PATH or code, path)
    end
    local out = { array = true }
    for _, one in ipairs(list) do
        if which == "all" or one.folder == (which == "folders") then
            out[#out + 1] = one.path
        end
    end
    return out
end

local function directory_type(host)
    return {
        exists = function(path) return volume.is_folder(host, path) == true end,
        createdirectory = function(path, acl)
            local made, code = volume.make(host, path, acl and acl.sddl)
            if not made and code == volume.EXISTS then
                throw("Cannot create '" .. path .. "' because a file with the same name already exists.",
                    "io.ioexception")
            end
            must(made, code, path)
            return { text = path }
        end,
        delete = function(path)
            local done, code = volume.remove(host, path)
            must(done, code == volume.NOT_FOUND and volume.NO_PATH or code, path)
        end,
        move = function(from, to)
            local done, code = volume.move_folder(host, from, to)
            must(done, code == volume.NOT_FOUND and volume.NO_PATH or code, from)
        end,
        getfiles = function(path) return entries(host, path, "files") end,
        getdirectories = function(path) return entries(host, path, "folders") end,
        getfilesystementries = function(path) return entries(host, path, "all") end,
    }
end

local path_type = {
    combine = function(a, b)
        if b:find "^[\\/]" or b:find "^%a:" then
            return b
        end
        return a:gsub("[\\/]$", "") .. "\\" .. b
    end,
    getfilename = function(path) return (path:match "[^\\/:]*$") end,
    getdirectoryname = function(path) return volume.parent(path) end,
}

-- ---- All ---------------------------------------------------------------------------------------

-- `scope` keeps what a script has open; what is open ends with it.
function files.types(host, scope, how_to_throw)
    throw = how_to_throw
    host.open = host.open or setmetatable({}, { __mode = "k" })
    scope.streams = scope.streams or {}
    return {
        ["io.file"] = file_type(host, scope),
        ["io.directory"] = directory_type(host),
        ["io.path"] = path_type,
        nullstring = { value = { null_string = true } },
    }
end

function files.close_all(scope)
    for _, stream in ipairs(scope.streams or {}) do
        stream.Dispose()
    end
end

-- New-Object, of the classes that are known.
function files.new_object(name, arguments)
    if name:lower() == "security.accesscontrol.directorysecurity" then
        local object = { text = name }
        function object.SetSecurityDescriptorSddlForm(_, sddl) object.sddl = sddl end
        return object
    elseif name:lower() == "byte[]" then
        return files.array_of(("\0"):rep(arguments[1]))
    end
    error("windows_lab: there is no class " .. name .. " here", 0)
end

return files
