--- Commands on nodes: how they are put, and how their answers are read.
--
-- A command is a list of words. The world quotes each word for the remote shell, so no
-- address, path or name can become a second command. Where a shell is needed, its script
-- is a constant and everything else comes as its arguments ($1, $2 …).

local remote = {}

--- The command with `sudo -n` before it where the configuration sets `sudo` to true, for
--- nodes that are not entered as root.
---@param command string[]
---@return string[]
function remote.as_root(command)
    if not param.sudo then
        return command
    end
    return { "sudo", "-n", table.unpack(command) }
end

--- A constant shell script with its arguments, as root.
---@param script string  for /bin/sh; sees the arguments as $1, $2 …
---@param ... string|number
---@return string[]
function remote.shell(script, ...)
    local command = { "sh", "-c", script, "sh" }
    for i = 1, select("#", ...) do
        command[#command + 1] = tostring((select(i, ...)))
    end
    return remote.as_root(command)
end

-- Some daemons keep the streams that they were started with (Dovecot its standard error),
-- and ssh does not end before they are closed: they get a file instead.
local DETACHED = [[
said=$(mktemp) || exit 1
"$@" >"$said" 2>&1 </dev/null
code=$?
[ "$code" = 0 ] || cat "$said" >&2
rm -f "$said"
exit "$code"]]

--- The command, as root, in a way that what it leaves running does not hold the connection.
---@param command string[]
---@return string[]
function remote.detached(command)
    return remote.shell(DETACHED, table.unpack(command))
end

--- What a command said when it failed, in one line: the last line of its standard error,
--- or the sentence of the world.
---@param result Result
---@return string
function remote.complaint(result)
    local last
    for line in tostring(result.err or ""):gmatch("[^\r\n]+") do
        if line:find("%S") then
            last = line:match("^%s*(.-)%s*$")
        end
    end
    if last and not result.unknown then
        return last
    end
    return result.detail
end

--- The end of an action: true, or false and why, as `run` of an action returns it. nil and
--- why where the node could not even be asked: then the group asks it nothing more.
---@param result Result
---@param what string  what was tried: "start postfix.service"
---@return boolean? done
---@return string? why
function remote.done(result, what)
    if result.ok then
        return true
    end
    local done = false
    if result.unknown then
        done = nil
    end
    return done, what .. ": " .. remote.complaint(result)
end

--- The answer of a command that asks a question by its exit code: 0 is yes, the codes in
--- `no` are no. Anything else (ssh failed, no end in time, no such program) is no answer.
---@param result Result
---@param no table<integer, boolean>  exit codes that mean no
---@param words { yes: string, no: string }  the answer in words
---@return boolean? answer  nil: could not be found out
---@return string detail
---@return boolean? unasked  true: the node could not even be asked
function remote.answer(result, no, words)
    if result.ok then
        return true, words.yes
    end
    if result.failed and no[result.code] then
        return false, words.no
    end
    return nil, "can't say: " .. remote.complaint(result), result.unknown
end

return remote
