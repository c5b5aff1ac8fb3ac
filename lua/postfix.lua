--- Postfix, one instance of it, by its own commands.
--
-- `postfix status` ends with 1 both when it is stopped and when it could not find out, so
-- the master daemon's lock is asked as well before "stopped" is believed.

local remote  = require "remote"
local service = require "service"

local postfix = {}

local STATUS = [[
postfix -c "$1" status >/dev/null 2>&1 && exit 0
daemons=$(postconf -c "$1" -h daemon_directory) || exit 9
"$daemons/master" -c "$1" -t >/dev/null 2>&1 && exit 3
exit 9]]

-- What is dead already is fine; what can't be stopped in order is aborted.
local STOP = [[
postfix -c "$1" status >/dev/null 2>&1 || exit 0
postfix -c "$1" stop || postfix -c "$1" abort]]

-- `postfix abort` signals the master and its children at once; what is left of the master is killed.
local KILL = [[
postfix -c "$1" status >/dev/null 2>&1 || exit 0
pid=$(head -n 1 "$(postconf -c "$1" -h queue_directory)/pid/master.pid" | tr -cd 0-9)
postfix -c "$1" abort
[ -z "$pid" ] || kill -s KILL "-$pid" 2>/dev/null || kill -s KILL "$pid" 2>/dev/null
exit 0]]

--- The instance that is configured in one directory.
---@param options? { config?: string, unit?: string, deadline?: number, attempts?: integer }
---  config: its configuration directory ("/etc/postfix"). unit: the systemd unit that starts
---  and stops it, where systemd is to know of it; else `postfix start` and `postfix stop` do.
---  deadline: seconds for one start or stop (30). attempts: of a start (1).
---@return Service
function postfix.instance(options)
    options = options or {}
    local config = options.config or "/etc/postfix"
    local spec = {
        name = "postfix",
        start = remote.detached { "postfix", "-c", config, "start" },
        stop = remote.shell(STOP, config),
        kill = remote.shell(KILL, config),
        status = remote.shell(STATUS, config),
        stopped = { [3] = true },
        deadline = options.deadline,
        attempts = options.attempts,
    }
    if options.unit then
        for _, verb in ipairs { "start", "stop", "restart" } do
            spec[verb] = remote.as_root { "systemctl", verb, "--", options.unit }
        end
    end
    return service.commands(spec)
end

return postfix
