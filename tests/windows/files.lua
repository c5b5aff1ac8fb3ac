-- Files of the model as .NET shows them: whole texts, streams that others may not open meanwhile,
-- a disk that takes its time.

local files = {}

local FLUSH_S = 0.005 -- others get their turn while it waits

-- `scope` keeps what a script has open; what is open ends with it.
function files.types(host, scope, throw)
    local lab = host.lab
    host.open = host.open or setmetatable({}, { __mode = "v" }) -- a script that was ended is collected
    scope.streams = scope.streams or {}

    local function must_be_free(path)
        if host.open[path:lower()] then
            collectgarbage()
        end
        if host.open[path:lower()] then
            throw("The process cannot access the file '" .. path .. "' because it is being used by another process.")
        end
    end

    local function must_exist(path)
        return lab.file(host, path) or throw("Could not find file '" .. path .. "'.")
    end

    local function open(path, mode, access, share)
        assert(share == "None", "streams are for their owner alone here")
        must_be_free(path)
        if not host.directories[path:match("^(.*)\\"):lower()] then
            throw("Could not find a part of the path '" .. path .. "'.")
        elseif mode == "Open" then
            must_exist(path)
        else
            assert(mode == "Create" or mode == "OpenOrCreate", "there is no mode " .. mode .. " here")
            lab.put_file(host, path, mode == "OpenOrCreate" and lab.file(host, path) or "")
        end
        local stream = { text = "System.IO.FileStream" }
        function stream.Write(_, bytes, from, len)
            assert(access ~= "Read")
            lab.put_file(host, path, lab.file(host, path) .. bytes:sub(from + 1, from + len))
        end
        function stream.Flush() lab_sleep(FLUSH_S) end
        function stream.Dispose() host.open[path:lower()] = nil end
        host.open[path:lower()] = stream
        scope.streams[#scope.streams + 1] = stream
        return stream
    end

    local function move(from, to)
        must_be_free(from)
        lab.put_file(host, to, must_exist(from))
        lab.put_file(host, from, nil)
    end

    return {
        ["io.file"] = {
            exists = function(path) return lab.file(host, path) ~= nil end,
            readalltext = must_exist,
            writealltext = function(path, s) lab.put_file(host, path, tostring(s)) end,
            delete = function(path) lab.put_file(host, path, nil) end,
            open = open,
            move = function(from, to)
                if lab.file(host, to) then
                    throw("Cannot create a file when that file already exists.")
                end
                move(from, to)
            end,
            -- A null of PowerShell would be an empty name here, which .NET refuses.
            replace = function(from, to, backup)
                if type(backup) ~= "table" or not backup.null_string then
                    throw("The path is not of a legal form.")
                end
                must_exist(to)
                must_be_free(to)
                move(from, to)
            end,
        },
        ["io.directory"] = {
            exists = function(path) return host.directories[path:lower()] ~= nil end,
            createdirectory = function(path, acl)
                if lab.file(host, path) then
                    throw("Cannot create '" .. path .. "' because a file with the same name already exists.")
                end
                host.directories[path:lower()] = acl and acl.sddl or "inherited"
                return { text = path }
            end,
        },
        nullstring = { value = { null_string = true } },
    }
end

function files.close_all(scope)
    for _, stream in ipairs(scope.streams or {}) do
        stream.Dispose()
    end
end

-- New-Object, of the classes that are known.
function files.new_object(name)
    if name:lower() == "security.accesscontrol.directorysecurity" then
        local object = { text = name }
        function object.SetSecurityDescriptorSddlForm(_, sddl) object.sddl = sddl end
        return object
    end
    error("windows_lab: there is no class " .. name .. " here", 0)
end

return files
