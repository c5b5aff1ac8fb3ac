-- A stand-in for the policy host, for tests of lua/ that need no C: it loads modules and
-- policies in an environment of stubs, answers commands from a script, and makes views of
-- nodes from plain tables. What it hands out is what was asked for: probe.tcp{…} is the
-- table with its kind in it, action{…} the table itself.

local minihost = {}

local root = (arg[0]:match("^(.*)/tests/policy/[^/]*$")) or "."
minihost.root = root

local function slurp(path)
    local file = assert(io.open(path))
    local text = file:read("a")
    file:close()
    return text
end
minihost.slurp = slurp

local good = { ok = true, failed = false, unknown = false, resting = false, status = "ok", last = "ok", run = 5,
    detail = "fine", since_for = 100, seen_for = 1, latency = 0.01 }

-- A probe as a node shows it: "ok", "failed", "unknown" or "resting", with other fields.
function minihost.observed(status, fields)
    local view = {}
    for key, value in pairs(good) do
        view[key] = value
    end
    view.status = status
    view.ok = status == "ok" or status == "resting"
    view.failed = status == "failed"
    view.unknown = status == "unknown"
    view.resting = status == "resting"
    view.last = status
    for key, value in pairs(fields or {}) do
        view[key] = value
    end
    return view
end

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

function minihost.to_base64(bytes)
    local text = (bytes:gsub("..?.?", function(three)
        local a, b, c = three:byte(1, 3)
        local n, out = a << 16 | (b or 0) << 8 | (c or 0), ""
        for digit = 3, 3 - #three, -1 do
            local at = (n >> (digit * 6) & 63) + 1
            out = out .. DIGITS:sub(at, at)
        end
        return out .. ("="):rep(3 - #three)
    end))
    return text
end

-- A host. `options`: param, group (fields), answer(request) → fields of a result, logs: a list.
function minihost.new(options)
    local host = { requests = {}, time = 1000, wall = 0 }
    local answer = options.answer or function() return {} end

    local function wait(kind, request)
        request.kind = kind
        host.requests[#host.requests + 1] = request
        local result = { ok = true, failed = false, unknown = false, code = 0, latency = 0, detail = "exit 0",
            out = "", err = "", cut = false }
        for key, value in pairs(answer(request) or {}) do
            result[key] = value
        end
        if result.code ~= 0 and not result.unknown then
            result.ok, result.failed = false, true
        elseif result.unknown then
            result.ok = false
        end
        return result
    end

    local function maker(kind)
        return function(spec)
            spec = spec or {}
            spec.kind = kind
            return spec
        end
    end

    local env = {
        assert = assert, error = error, getmetatable = getmetatable, ipairs = ipairs, next = next, pcall = pcall,
        rawequal = rawequal, rawlen = rawlen, select = select, setmetatable = setmetatable, tonumber = tonumber,
        tostring = tostring, type = type, math = math, string = string, table = table, utf8 = utf8,
        pairs = function(t)
            local keys, i = {}, 0
            for key in pairs(t) do
                keys[#keys + 1] = key
            end
            table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
            return function()
                i = i + 1
                return keys[i], t[keys[i]]
            end
        end,
        param = options.param or {},
        policy = function(spec) return spec end,
        action = function(spec) return spec end,
        check = function(spec) return spec end,
        step = function(spec) return spec end,
        hook = function(event) return { name = "hook " .. event } end,
        probe = {},
        exec = function(request) return wait("exec", request) end,
        http = function(request) return wait("http", request) end,
        tcp = function(request) return wait("tcp", request) end,
        address = function(request) return wait("address", request) end,
        parallel = function(...)
            local results = {}
            for i, run in ipairs { ... } do
                results[i] = (run())
            end
            return table.unpack(results, 1, select("#", ...))
        end,
        sleep = function(s)
            host.time = host.time + s
            if host.on_sleep then
                host.on_sleep()
            end
        end,
        log = function(level, text)
            if options.logs then
                options.logs[#options.logs + 1] = level .. ": " .. tostring(text)
            end
        end,
        secret = function(name) return name end,
        random = math.random,
        to_base64 = minihost.to_base64,
        now = function() return host.time end,
        wall = function() return host.wall end,
        group = { name = "mail", nodes = {}, witnesses = {}, moves = {} },
    }
    for key, value in pairs(options.group or {}) do
        env.group[key] = value
    end
    for _, kind in ipairs { "tcp", "smtp", "imap", "pop3", "http", "exec", "share", "clock", "custom" } do
        env.probe[kind] = maker(kind)
    end

    local modules = {}
    local function run(file)
        local chunk = assert(load(slurp(root .. "/" .. file), "@" .. file, "t", env))
        return chunk()
    end
    env.require = function(name)
        if modules[name] == nil then
            modules[name] = run("lua/" .. name .. ".lua")
        end
        return modules[name]
    end

    host.group = env.group
    host.load = run
    host.require = env.require

    local function probes_of(node)
        local names = {}
        for name, value in pairs(node) do
            if type(value) == "table" and value.status then
                names[#names + 1] = name
            end
        end
        table.sort(names)
        return names
    end

    -- A node; its probes are ok unless `fields` says otherwise.
    function host.node(name, fields)
        local node = { name = name, address = "10.9.0.1", priority = #env.group.nodes + 1, transport = "ssh",
            state = "Standby", state_for = 100, fit = true, fit_for = 100, fit_why = "", holds = false,
            serving = false }
        for key, value in pairs(fields or {}) do
            node[key] = value
        end
        function node.exec(self, request)
            request.node = self
            return wait("exec", request)
        end
        setmetatable(node, { __index = function(_, key)
            return key == "probes" and probes_of(node) or nil
        end })
        env.group.nodes[#env.group.nodes + 1] = node
        if node.holds then
            env.group.holder = node
        end
        return node
    end
    return host
end

-- ---- A few words for tests ---------------------------------------------------------------

local failures, count = 0, 0

local function show(value)
    if type(value) == "string" then
        return ("%q"):format(value)
    elseif type(value) == "table" then
        local words = {}
        for i, item in ipairs(value) do
            words[i] = show(item)
        end
        return "{ " .. table.concat(words, ", ") .. " }"
    end
    return tostring(value)
end

function minihost.equal(seen, wanted, what)
    if show(seen) ~= show(wanted) then
        error(("%s:\n  seen   %s\n  wanted %s"):format(what or "value", show(seen), show(wanted)), 2)
    end
end

-- `text` contains `part`.
function minihost.says(text, part)
    if type(text) ~= "string" or not text:find(part, 1, true) then
        error(("%s\n  does not say %s"):format(show(text), show(part)), 2)
    end
end

-- f fails with an error that says `part`.
function minihost.refuses(f, part)
    local fine, message = pcall(f)
    if fine then
        error("no error; wanted one that says " .. show(part), 2)
    end
    minihost.says(tostring(message), part)
end

function minihost.test(name, f)
    count = count + 1
    local fine, message = xpcall(f, debug.traceback)
    if not fine then
        failures = failures + 1
        io.write("not ok - ", name, "\n  ", tostring(message):gsub("\n", "\n  "), "\n")
    end
end

function minihost.finish()
    io.write(("%d of %d tests passed\n"):format(count - failures, count))
    os.exit(failures == 0 and count > 0)
end

return minihost
