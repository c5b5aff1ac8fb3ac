-- robocopy.exe of the model: the switches that Baton uses, its exit codes (a bit mask), what it prints.

local volume = require "volume"

local robocopy = {}

local COPIED, EXTRA, FAILED, FATAL = 1, 2, 8, 16

local MESSAGES = {
    [volume.NOT_FOUND] = "The system cannot find the file specified.",
    [volume.NO_PATH] = "The system cannot find the path specified.",
    [volume.DENIED] = "Access is denied.",
    [volume.IN_USE] = "The process cannot access the file because it is being used by another process.",
    [volume.NO_NETWORK_PATH] = "The network path was not found.",
    [volume.FULL] = "There is not enough space on the disk.",
}

local WAITS = 0.01 -- a second of /W takes so long here

-- Switches without a value, with one, and those that take names until the next switch.
local PLAIN = { ["/e"] = true, ["/bytes"] = true, ["/ndl"] = true, ["/njh"] = true, ["/njs"] = true, ["/nc"] = true,
    ["/purge"] = true, ["/np"] = true }
local VALUED = { ["/copy"] = true, ["/dcopy"] = true, ["/r"] = true, ["/w"] = true, ["/mt"] = true, ["/lev"] = true }
local LISTED = { ["/xf"] = true, ["/xd"] = true }

local function options_of(words)
    local options = { from = words[2], to = words[3], files = {}, ["/xf"] = {}, ["/xd"] = {}, ["/r"] = "1000000",
        ["/w"] = "30" }
    local list = options.files
    for i = 4, #words do
        local key, value = words[i]:lower():match "^(/%a+):?(.*)$"
        if LISTED[key] and value == "" then
            list = options[key]
        elseif PLAIN[key] and value == "" then
            options[key], list = true, nil
        elseif VALUED[key] and value ~= "" then
            options[key], list = value, nil
        elseif words[i]:sub(1, 1) == "/" or not list then
            return nil, words[i]
        else
            list[#list + 1] = words[i]
        end
    end
    return options
end

local function like(name, pattern)
    local lua = pattern:lower():gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".")
    return name:lower():find("^" .. lua .. "$") ~= nil
end

-- A name with a backslash is a path.
local function is_listed(list, name, path)
    for _, pattern in ipairs(list) do
        local whole = pattern:find "\\"
        if like(whole and path or name, whole and volume.normal(pattern) or pattern) then
            return true
        end
    end
    return false
end

local function is_wanted(run, one)
    if is_listed(run.options["/xf"], one.name, one.path) then
        return false
    end
    return #run.options.files == 0 or is_listed(run.options.files, one.name, one.path)
end

local function complain(run, code, what, path)
    run.say(("2026/11/25 12:00:00 ERROR %d (0x%08X) %s %s\r\n%s\r\n"):format(code, code, what, path, MESSAGES[code]))
end

-- Tries as often as /R says.
local function try(run, what, path, action)
    for attempt = 0, tonumber(run.options["/r"]) do
        local done, code = action()
        if done then
            return true
        end
        complain(run, code, what, path)
        if attempt == tonumber(run.options["/r"]) then
            run.say "\r\nERROR: RETRY LIMIT EXCEEDED.\r\n\r\n"
            run.code = run.code | FAILED
            return false
        end
        run.say(("Waiting %s seconds..."):format(run.options["/w"]))
        lab_sleep(tonumber(run.options["/w"]) * WAITS)
        run.say " Retrying...\r\n"
    end
end

local function copy_file(run, one, target)
    local old = volume.read(run.host, target)
    local file = volume.read(run.host, one.path)
    if old and file and old.time == file.time and #old.text == #file.text then
        return
    end
    local line = ("\t\t%14d\t%s\r\n"):format(file and #file.text or 0, one.path)
    if not run.options["/mt"] then
        run.say(line)
    end
    run.copies = run.copies + 1
    if run.host.faults.robocopy then -- so long a time for each file
        lab_sleep(run.host.faults.robocopy)
    end
    local done = try(run, "Copying File", one.path, function()
        local now, code = volume.read(run.host, one.path)
        if not now then
            return nil, code
        elseif not volume.is_free(run.host, one.path, "read") then
            return nil, volume.IN_USE
        end
        return volume.write(run.host, target, now.text, now)
    end)
    if done then
        -- Several threads say at the end only which file it was.
        run.say(run.options["/mt"] and "100%  " .. line or "100%  \r\n")
        run.code = run.code | COPIED
    end
end

-- What the source does not have. Excluded names are left alone.
local function purge(run, from, to)
    local has = {}
    for _, one in ipairs(volume.list(run.host, from) or {}) do
        has[one.name:lower()] = true
    end
    local function remove(one)
        for _, below in ipairs(one.folder and volume.list(run.host, one.path) or {}) do
            remove(below)
        end
        if one.folder then
            volume.remove(run.host, one.path)
        else
            volume.delete(run.host, one.path, true)
        end
    end
    for _, one in ipairs(volume.list(run.host, to) or {}) do
        local excluded = is_listed(run.options[one.folder and "/xd" or "/xf"], one.name, one.path)
        if not has[one.name:lower()] and not excluded then
            run.code = run.code | EXTRA
            if run.options["/purge"] then
                remove(one)
            end
        end
    end
end

local function copy_folder(run, from, to, level)
    local list, code = volume.list(run.host, from)
    if not list then
        complain(run, code, "Accessing Source Directory", from .. "\\")
        run.code = run.code | (level == 1 and FATAL or FAILED)
        return
    end
    local made, why = volume.make(run.host, to)
    if not made then
        complain(run, why, "Creating Destination Directory", to .. "\\")
        run.code = run.code | (level == 1 and FATAL or FAILED)
        return
    end
    purge(run, from, to)
    for _, one in ipairs(list) do
        if not one.folder and is_wanted(run, one) then
            copy_file(run, one, to .. "\\" .. one.name)
        end
    end
    local deep = run.options["/e"] and level < tonumber(run.options["/lev"] or math.maxinteger)
    for _, one in ipairs(deep and list or {}) do
        if one.folder and not is_listed(run.options["/xd"], one.name, one.path) then
            copy_folder(run, one.path, to .. "\\" .. one.name, level + 1)
        end
    end
end

function robocopy.run(host, words, say)
    local options, wrong = options_of(words)
    if not options then
        say(('\r\nERROR : Invalid Parameter #%d : "%s"\r\n'):format(#words, wrong))
        return FATAL
    end
    local run = { host = host, options = options, say = say, code = 0, copies = 0 }
    copy_folder(run, volume.normal(options.from), volume.normal(options.to), 1)
    return run.code
end

return robocopy
