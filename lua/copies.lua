--- Copies of whole folders on a node: rsync on Linux, robocopy on Windows. For `baton migrate`.
--
-- Both copy what is new or changed, so a copy that was stopped goes on when it is made again. What is
-- on the target and not in the source stays, unless `mirror` says otherwise; that is for a target
-- that holds nothing but this copy.

local powershell = require "powershell"
local remote     = require "remote"

local copies = {}

---@class Copy
---@field from string
---@field to string
---@field skip? string[]    names at the top of the source that are not copied, nor touched in `to`
---@field mirror? boolean   what the source no longer has goes from `to` too (false)
---@field count? boolean    count first, where that is extra work, to know how much there is (false)
---@field live? boolean     the source is in use: what can't be had now is left for a later copy (false)
---@field timeout? number   seconds (a week)
---@field only? string[]    at the top of the source only folders and files with these endings

local WEEK = 7 * 86400 - 60
local KEPT = 65536

-- ---- rsync -------------------------------------------------------------------------------------

-- Owner and mode of the target itself are those that the administrator gave it: rsync would give it the
-- source's. Unfinished files it takes away itself, and a mirror those of one that lost its power.
-- (One folder for them, by --temp-dir, makes a copy of small files take three times as long.) It works
-- from within the target: where that is unmounted meanwhile, nothing goes to the folder below.
--
-- rsync says after each file how far it is. That goes to a small file, whose end is told five times a
-- second: by ssh all of it would cost a tenth of the time. Where nobody hears it, the copy ends.
local RSYNC = [[
to=$1; shift
mkdir -p -- "$to" && cd -- "$to" && owner=$(stat -c %u:%g .) && mode=$(stat -c %a .) || exit 1
end() { chown "$owner" . && chmod "$mode" .; }
log=$(mktemp) || exit 1
"$@" >>"$log" &
pid=$!
trap 'kill "$pid" 2>/dev/null; wait "$pid"; end; rm -f -- "$log"; exit 143' TERM HUP INT
trap '' PIPE
while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    { echo && tail -c 300 -- "$log"; } 2>/dev/null || kill "$pid" 2>/dev/null
    : >"$log"
done
wait "$pid"
code=$?
rm -f -- "$log"
end || [ "$code" != 0 ] || code=1
exit "$code"]]

-- Wild cards in names stand for themselves.
local function pattern(name)
    return "/" .. name:gsub("[%[%]%*%?\\]", "\\%0")
end

local function either_case(ending)
    return (ending:gsub("%a", function(letter)
        return "[" .. letter:lower() .. letter:upper() .. "]"
    end))
end

local function rsync_words(copy, to)
    local words = { "rsync", "-aHAX", "--numeric-ids", "--info=progress2", "--no-human-readable" }
    for _, name in ipairs(copy.skip or {}) do
        words[#words + 1] = "--exclude=" .. pattern(name)
    end
    words[#words + 1] = "--exclude=/.baton-*"
    if copy.only then
        for _, filter in ipairs { "--include=/*/", "--include=/*/**" } do
            words[#words + 1] = filter
        end
        for _, ending in ipairs(copy.only) do
            words[#words + 1] = "--include=/*." .. either_case(ending)
        end
        words[#words + 1] = "--exclude=/*"
    end
    if copy.mirror then
        words[#words + 1] = "--delete"
    end
    words[#words + 1] = "--"
    words[#words + 1] = copy.from:gsub("/+$", "") .. "/"
    words[#words + 1] = to
    return words
end

-- The first thing that went wrong; rsync's last line says only that something did.
local function first_complaint(result)
    local line = ("\n" .. (result.err or "")):match "\nrsync: ([^\r\n]+)"
    return line and not result.unknown and line or remote.complaint(result)
end

-- 24: files that were there at first had gone when their turn came, as on a mail server that runs. Where a
-- file became shorter while it was read, rsync reads it once more, but says 23 all the same.
local function only_changed(result)
    if result.cut or not result.failed or result.code ~= 23 then
        return false
    end
    local shorter = false
    for line in (result.err or ""):gmatch "[^\r\n]+" do
        if line:find '^rsync: %[sender%] read errors mapping ".*": .* %(61%)$' then -- ENODATA
            shorter = true
        elseif not (line:find "^rsync error: some files/attrs were not transferred " or line:find "^rsync warning: "
            or line:find "^file has vanished: "
            or line:find "^WARNING: .* failed verification %-%- update discarded ") then
            return false
        end
    end
    return shorter
end

local function with_rsync(node, copy)
    local words = rsync_words(copy, "./")
    local result = node:exec {
        command = remote.shell(RSYNC, copy.to, table.unpack(words)), progress = "rsync",
        timeout = copy.timeout or WEEK, output_max = KEPT,
    }
    if result.failed and result.code == 24 then
        return true, "copied; some files went away meanwhile"
    elseif copy.live and only_changed(result) then
        return true, "copied; some files changed meanwhile"
    elseif not result.ok then
        local done = remote.done(result, "")
        return done, ("copy %s to %s: %s"):format(copy.from, copy.to, first_complaint(result))
    end
    return true, "copied"
end

-- ---- robocopy ----------------------------------------------------------------------------------

-- Copied are data, attributes and times; who may read it is the target's business. Exit codes
-- below 8 say what was copied. Lists come as one text: no name on Windows has a '|'.
local COPY = "/E /COPY:DAT /DCOPY:T /R:2 /W:2 /MT:16"
local QUIET = "/BYTES /NDL /NJH /NJS /NC"

-- An error has its number in hex in any language ("2026/11/25 12:00:00 ERROR 32 (0x00000020) Copying File
-- C:\…"), and the next line says it in words. While the service runs, files go away (2, 3) and are
-- in use (32, 33): the copy after its stop gets them.
local HEAR = [[ | ForEach-Object {
    if ($line -ne '') { $why = "$line $_"; $line = '' }
    $at = $_.IndexOf(' (0x')
    if ($at -ge 0 -and $_.Length -ge $at + 13 -and -not $_.Contains("`t")) {
        $line = $_
        $number = $_.Substring($at + 4, 8)
        if (@('00000002', '00000003', '00000020', '00000021') -notcontains $number) { $grave = $true }
    }
    $_
}
if ($LASTEXITCODE -ge 8) {
    if ($grave -or $LASTEXITCODE -ge 16 -or $why -eq '') { throw "robocopy ended with ${LASTEXITCODE}: $why" }
    Write-Output "left $why"
}]]

local ROBOCOPY = [[
$from = %s
$to = %s
$more = @('/XF', '.baton-*', '/XD', '.baton-*', 'System Volume Information', '$RECYCLE.BIN')
foreach ($folder in (%s).Split('|')) { if ($folder -ne '') { $more += $folder } }
if (%s -eq 'yes') { $more += '/PURGE' }
if (%s -eq 'yes') {
    $all = Get-ChildItem -LiteralPath $from -Recurse -Force -ErrorAction SilentlyContinue |
        Where-Object { -not $_.PSIsContainer } | Measure-Object -Property Length -Sum
    Write-Output "total $($all.Count) $([int64]$all.Sum)"
}
$line = ''; $why = ''; $grave = %s -ne 'yes'
robocopy.exe $from $to ]] .. COPY .. " " .. QUIET .. " $more" .. HEAR .. [[

exit 0]]

-- "/E" would go into the folders for some kinds of files only.
local ROBOCOPY_ONLY = [[
$from = %s
$to = %s
$only = (%s).Split('|')
$line = ''; $why = ''; $grave = $true
robocopy.exe $from $to $only /LEV:1 /COPY:DAT /DCOPY:T /R:2 /W:2 ]] .. QUIET .. HEAR .. [[

foreach ($folder in [IO.Directory]::GetDirectories($from)) {
    $target = [IO.Path]::Combine($to, [IO.Path]::GetFileName($folder))
    robocopy.exe $folder $target ]] .. COPY .. " " .. QUIET .. HEAR .. [[

}
exit 0]]

-- A backslash at the end of a word would take the quote behind it for its own.
local function no_slash(path)
    local bare = path:gsub("[\\/]+$", "")
    return bare:find("^%a:$") and bare .. "\\." or bare
end

local function yes(wanted)
    return wanted and "yes" or "no"
end

local function robocopy_script(copy)
    local from, to = no_slash(copy.from), no_slash(copy.to)
    local list = {}
    if copy.only then
        for i, ending in ipairs(copy.only) do
            list[i] = "*." .. ending
        end
        return ROBOCOPY_ONLY, from, to, table.concat(list, "|")
    end
    for _, name in ipairs(copy.skip or {}) do
        list[#list + 1] = from:gsub("\\%.$", "") .. "\\" .. name
        list[#list + 1] = to .. "\\" .. name
    end
    return ROBOCOPY, from, to, table.concat(list, "|"), yes(copy.mirror), yes(copy.count), yes(copy.live)
end

local function with_robocopy(node, copy)
    local result = powershell.run(node, { timeout = copy.timeout or WEEK, progress = "robocopy", output_max = KEPT },
        robocopy_script(copy))
    if not result.ok then
        return remote.done(result, ("copy %s to %s"):format(copy.from, copy.to))
    end
    if result.out:find "^left " or result.out:find "\nleft " then
        return true, "copied; some files were in use, or went away meanwhile"
    end
    return true, "copied"
end

-- ---- What policies see -------------------------------------------------------------------------

local function quoted(words)
    for i, word in ipairs(words) do
        if word:find "[%s'\"\\$*?%[%];&|<>()#~]" or word == "" then
            words[i] = "'" .. word:gsub("'", "'\\''") .. "'"
        end
    end
    return table.concat(words, " ")
end

--- The very command, for a plan.
---@param node Node
---@param copy Copy
---@return string
function copies.line(node, copy)
    if node.transport ~= "winrm" then
        return ("%s: %s"):format(node.name, quoted(rsync_words(copy, copy.to:gsub("/+$", "") .. "/")))
    end
    local what = ("%s: robocopy %s %s"):format(node.name, no_slash(copy.from), no_slash(copy.to))
    if copy.only then
        return what .. (": its folders, and *.%s"):format(table.concat(copy.only, ", *."))
    end
    for _, name in ipairs(copy.skip or {}) do
        what = what .. " /XD " .. name
    end
    return what .. " " .. COPY .. (copy.mirror and " /PURGE" or "")
end

--- Make the copy. Waits, for as long as it takes.
---@param node Node
---@param copy Copy
---@return boolean? done
---@return string? why
function copies.run(node, copy)
    if node.transport == "winrm" then
        return with_robocopy(node, copy)
    end
    return with_rsync(node, copy)
end

return copies
