-- A policy whose set-up leaves a mark for each thing that it does: for the tests of `baton init`.
-- Every step writes a line to SHARE/story, and the file SHARE/NAME while it is done.

local function path(name) return group.share .. "/" .. name end
local function sh(script, ...)
    return exec { command = { "sh", "-c", script, "sh", ... }, timeout = 600 }
end
local function there(name)
    return function()
        if sh('test -e "$1"', path "blind").ok then
            return nil, "nobody can look"
        end
        return sh('test -e "$1"', path(name)).ok, name
    end
end

-- One that can fail (SHARE/fail-NAME) and be undone.
local function mark(name, more)
    local fields = {
        name = name, title = "the mark " .. name,
        look = there(name),
        plan = function(node) return { (node and node.name or group.name) .. ": touch " .. path(name), "and more" } end,
        run = function(node)
            local result = sh('echo "do $1" >>"$2/story"; test ! -e "$2/fail-$1" && touch "$2/$1"', name, group.share)
            return result.ok, result.ok and "made" or "it does not want to",
                name == "bytes" and "\xff\xfe" or ('%s "memo"\nof %s ✓'):format(name, node and node.name or "nobody")
        end,
        undo = function(node, memo)
            if memo and memo ~= ('%s "memo"\nof %s ✓'):format(name, node and node.name or "nobody") then
                return false, "not my memo: " .. memo
            end
            return sh('echo "undo $1 $3" >>"$2/story"; test ! -e "$2/fail-$1" && rm -f "$2/$1"', name, group.share,
                memo and "with memo" or "without").ok
        end,
    }
    for key, value in pairs(more or {}) do
        fields[key] = value
    end
    return step(fields)
end

-- Says how far it is, ten times a second, until SHARE/go is there; 20 lines at least.
local copy = step {
    name = "copy", title = "a long copy", on = "primary", deadline = 600,
    plan = function(node) return { node.name .. ": rsync /a /b" } end,
    run = function(node)
        local result = node:exec { progress = "rsync", timeout = 600, command = { "sh", "-c", [[
            echo "do copy" >>"$1/story"; echo $$ >"$1/pid"; i=0
            while [ $i -lt 20 ] || [ ! -e "$1/go" ]; do
                i=$((i + 1)); p=$((i * 5)); [ $p -lt 100 ] || p=100
                printf '\r  %d00000 %3d%%  1.38GB/s    0:00:00 (xfr#%d, to-chk=2/4)' $i $p $i
                [ -e "$1/go" ] || sleep 0.1
            done; echo]], "sh", group.share } }
        return result.ok, "copied"
    end,
}

local steps = {
    mark "one",
    mark("two", { on = "primary" }),
    copy,
    step { name = "seen", title = "seen to be done", human = "Make the file seen.\nBy hand.", look = there "seen" },
    step { name = "told", title = "told to be done", human = "Think of it." },
    mark "bare",
    mark "last",
}
for name in (param.without or ""):gmatch "%a+" do
    for i = #steps, 1, -1 do
        if steps[i].name == name then
            table.remove(steps, i)
        end
    end
end
if param.bytes then
    steps = { mark "bytes" }
end
if param.acting_plan then
    steps[1] = mark("one", { plan = function()
        return { sh('touch "$1"', path "planned").detail, exec { command = { "touch", path "planned" },
            effect = "service.start" }.detail }
    end })
end

local still = action { name = "nothing", effect = "service.start", look = function() return false end }

return policy {
    probes = { never = probe.tcp { port = 1, every = 3600 } },
    fit = function() return true, "always" end,
    serving = probe.custom { every = 3600, run = function() return false end },
    start = { still }, stop = { still },
    init = steps,
    migrate = param.migrate and { mark "one" } or nil,
}
