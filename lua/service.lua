--- Services: start, stop, restart and look at a program on a node.
--
-- Each constructor returns a `Service`. Its actions are safe to run twice: they look first,
-- and end when a look sees what they want, not when the command returns.

local remote = require "remote"

local service = {}

--- Something that runs on a node.
---@class Service
---@field name string
---@field start Action       ends when it is seen running
---@field stop Action        ends when it is seen stopped
---@field restart Action     ends when it is seen running again
---@field look fun(node: Node): boolean?, string  does it run? nil: can't say
---@field restart_on fun(node: Node): boolean, string?  the restart itself, for remedies
---@field kill_on fun(node: Node): boolean?, string?  its processes are killed, not asked; for fences

-- LSB: 1 and 2 are dead with a file left behind, 3 is not running, 4 and up say nothing. But
-- 1 is also what sudo ends with when it refuses, which is no answer.
local lsb_stopped = param.sudo and { [3] = true } or { [1] = true, [2] = true, [3] = true }

---@class ServiceSpec
---@field name string          as reasons and the journal name it
---@field start string[]       command
---@field stop string[]        command
---@field restart? string[]    command; else stop and start
---@field status string[]      command: exit 0 runs, a code in `stopped` does not, others: can't say
---@field kill? string[]       command that stops it by force; `stop` if missing
---@field stopped? table<integer, boolean>  exit codes of `status`; LSB's 1, 2 and 3 if missing
---@field deadline? number     seconds for one start or stop (30)
---@field attempts? integer    of a start, in a move (1)

--- A service from its own commands.
---@param spec ServiceSpec
---@return Service
function service.commands(spec)
    local name, deadline = spec.name, spec.deadline or 30
    local stopped = spec.stopped or lsb_stopped
    local thing = "service:" .. name -- as the simulated world calls it
    for _, key in ipairs { "start", "stop", "status" } do
        if type(spec[key]) ~= "table" or #spec[key] == 0 then
            error(("service %s: %s is a command, a list of words"):format(name, key), 2)
        end
    end

    local words = { yes = name .. " runs", no = name .. " is stopped" }
    local function look(node)
        local result = node:exec {
            command = spec.status, timeout = math.min(deadline, 5), asks = thing .. ".running",
        }
        return remote.answer(result, stopped, words)
    end

    local function command(verb, effect)
        return function(node)
            local result = node:exec { command = spec[verb], timeout = deadline, effect = effect }
            return remote.done(result, verb .. " " .. name)
        end
    end
    local start_on = command("start", thing .. ".start")
    local stop_on = command("stop", thing .. ".stop")

    local restart_on = spec.restart and command("restart", thing .. ".restart") or function(node)
        -- A stop that complains is no reason not to start: what counts is what runs then.
        local _, stop_why = stop_on(node)
        local done, why = start_on(node)
        if not done and stop_why then
            why = why .. " (before it: " .. stop_why .. ")"
        end
        return done, why
    end

    local function kill_on(node)
        local result = node:exec { command = spec.kill or spec.stop, timeout = deadline, effect = thing .. ".stop" }
        return remote.done(result, "kill " .. name)
    end

    return {
        name = name,
        look = look,
        restart_on = restart_on,
        kill_on = kill_on,
        start = action { name = "start " .. name, run = start_on, look = look, attempts = spec.attempts,
            effect = thing .. ".start", deadline = deadline },
        stop = action { name = "stop " .. name, run = stop_on, effect = thing .. ".stop",
            deadline = deadline, look = function(node)
                local runs, detail, unasked = look(node)
                if runs == nil then
                    return nil, detail, unasked
                end
                return not runs, detail
            end },
        restart = action { name = "restart " .. name, effect = thing .. ".restart",
            deadline = deadline, run = restart_on },
    }
end

-- A unit whose stop hangs is killed first: then its stop has nothing to wait for.
local KILL_UNIT = [[
systemctl kill --kill-whom=all --signal=KILL -- "$1"
systemctl stop -- "$1"]]

--- A systemd unit. While it is starting or stopping there is no answer yet.
---@param unit string  "postfix.service"
---@param options? { deadline?: number, attempts?: integer }
---@return Service
function service.systemd(unit, options)
    local function systemctl(verb)
        return remote.as_root { "systemctl", verb, "--", unit }
    end
    return service.commands {
        name = unit,
        start = systemctl "start",
        stop = systemctl "stop",
        restart = systemctl "restart",
        kill = remote.shell(KILL_UNIT, unit),
        -- is-active ends with 3 for "deactivating" too, which still runs.
        status = { "sh", "-c", 'state=$(systemctl is-active -- "$1"); code=$?; echo "$state"; '
            .. 'case $state in activating|deactivating|reloading) exit 5;; esac; exit "$code"',
            "sh", unit },
        stopped = { [3] = true, [4] = true },
        deadline = options and options.deadline, attempts = options and options.attempts,
    }
end

--- A service of /etc/init.d, by `service NAME start|stop|status`.
---@param name string
---@param options? { deadline?: number, attempts?: integer }
---@return Service
function service.sysv(name, options)
    local function init(verb)
        return remote.as_root { "service", name, verb }
    end
    return service.commands {
        name = name,
        start = remote.detached { "service", name, "start" },
        stop = init "stop",
        status = init "status",
        deadline = options and options.deadline, attempts = options and options.attempts,
    }
end

--- A function for `serving`: true while any part of it is there (a floating address that is
--- up, a service that runs), false only when all of it is certainly gone. A node that is
--- half stopped still counts as serving, so it is never taken for confirmed out.
---@param parts (fun(node: Node): boolean?, string)[]  looks, each true, false or nil
---@return fun(node: Node): boolean?, string
function service.any_of(parts)
    if #parts == 1 then
        return parts[1]
    end
    return function(node)
        local answers, details, jobs = {}, {}, {}
        for i, look in ipairs(parts) do
            jobs[i] = function()
                local answer, detail = look(node)
                -- nil can't be kept in a list: unknown has its own word.
                answers[i] = answer == nil and "unknown" or answer
                details[i] = detail or ""
            end
        end
        parallel(table.unpack(jobs))
        local verdict = false
        for i = 1, #parts do
            if answers[i] == true then
                verdict = true
            elseif answers[i] ~= false and verdict == false then
                verdict = nil
            end
        end
        return verdict, table.concat(details, "; ")
    end
end

return service
