--- Dovecot, one instance of it, by its own commands.

local remote  = require "remote"
local service = require "service"

local dovecot = {}

-- The master's pid file says who; a number that another program has got since,
-- or a corpse that nobody has buried yet, does not count (a corpse has no exe).
local STATUS = [[
base=$(doveconf -c "$1" -h base_dir) || exit 9
[ -d "$base" ] || exit 3
[ -s "$base/master.pid" ] || exit 3
read -r pid <"$base/master.pid" || exit 9
case $(readlink "/proc/$pid/exe") in */dovecot | *"/dovecot (deleted)") exit 0 ;; esac
exit 3]]

-- doveadm complains when nothing runs: that is what a stop wants.
local STOP = [[
base=$(doveconf -c "$1" -h base_dir) || exit 9
[ -s "$base/master.pid" ] || exit 0
read -r pid <"$base/master.pid"
case $(readlink "/proc/$pid/exe") in */dovecot | *"/dovecot (deleted)") ;; *) exit 0 ;; esac
doveadm -c "$1" stop]]

-- The master first, so that it starts no new children, then all that it has started.
local KILL = [[
base=$(doveconf -c "$1" -h base_dir) || exit 9
[ -s "$base/master.pid" ] || exit 0
read -r pid <"$base/master.pid"
case $(readlink "/proc/$pid/exe") in */dovecot | *"/dovecot (deleted)") ;; *) exit 0 ;; esac
children=$(ps -o pid= --ppid "$pid")
kill -s KILL "$pid" $children 2>/dev/null
exit 0]]

-- Processes of a master that was killed may hold its ports for a moment.
local START = [[
for pause in 0.2 0.5 1 1; do
    dovecot -c "$1" && exit 0
    sleep "$pause"
done
exec dovecot -c "$1"]]

--- The instance that is configured in one file.
---@param options? { config?: string, unit?: string, deadline?: number, attempts?: integer }
---  config: its configuration file ("/etc/dovecot/dovecot.conf"). unit: the systemd unit that
---  starts and stops it, where systemd is to know of it; else `dovecot` and `doveadm stop` do.
---  deadline: seconds for one start or stop (30). attempts: of a start (1).
---@return Service
function dovecot.instance(options)
    options = options or {}
    local config = options.config or "/etc/dovecot/dovecot.conf"
    local spec = {
        name = "dovecot",
        start = remote.detached { "sh", "-c", START, "sh", config },
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

return dovecot
