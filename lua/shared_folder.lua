--- Folders on a share while data are brought there: made, marked, put aside. For steps of a set-up.
--
-- Marks are kept on the share, under names that no copy touches (".baton-…"): one that says that it
-- is the share and not the empty folder below a mount that is gone; one for a copy that is under way, or
-- was broken off; one for a share that held nothing when the copies began.

local both   = require "both"
local remote = require "remote"

local shared_folder = {}

local SIGN, COPYING, BEGAN = ".baton-share", ".baton-copying", ".baton-copy"

-- Only a file that is there and can be written anew shows that more can be.
local SIGN_IT = ': >>"$1/$2" && f=$(mktemp -- "$1/.baton-XXXXXX") && rm -f -- "$f"'
local WIN_SIGN_IT = [[
$share = %s
$advice = ' (a Kerberos login is not passed on to a third machine: see BEFORE in baton-smartermail(7))'
try { [IO.File]::AppendAllText([IO.Path]::Combine($share, %s), '') } catch [UnauthorizedAccessException] {
    throw $_.Exception.GetBaseException().Message + $advice
}
$file = [IO.Path]::Combine($share, '.baton-' + [Guid]::NewGuid().ToString())
[IO.File]::WriteAllText($file, 'x')
[IO.File]::Delete($file)]]

local IS_MARKED = '[ -e "$1/$2" ] || exit 3'
-- Exists says no, too, where a share is out of reach: that must be an error.
local WIN_IS_MARKED = [[
try { [IO.File]::GetAttributes([IO.Path]::Combine(%s, %s)) | Out-Null }
catch [IO.FileNotFoundException], [IO.DirectoryNotFoundException] { exit 3 }]]

local IS_FOLDER = '[ -d "$1" ] || exit 3'
local WIN_IS_FOLDER = [[
$folder = %s
try { [IO.File]::GetAttributes($folder) | Out-Null }
catch [IO.FileNotFoundException], [IO.DirectoryNotFoundException] { exit 3 }
if (-not [IO.Directory]::Exists($folder)) { throw "$folder is no folder" }]]

-- As the folder on the server is: owner and mode.
local MAKE = [[
mkdir -- "$1" || exit 1
[ ! -d "$2" ] || { chown --reference="$2" -- "$1" && chmod --reference="$2" -- "$1"; }]]

local WIN_MAKE = [[
$folder = %s
[IO.Directory]::CreateDirectory($folder) | Out-Null
foreach ($account in (%s).Split(',')) {
    if ($account.Trim() -ne '') {
        icacls.exe $folder /grant ($account.Trim() + ':(OI)(CI)M') | Out-Null
        if ($LASTEXITCODE -ne 0) { throw "icacls ended with $LASTEXITCODE for $account" }
    }
}]]

-- Only where nothing is in it.
local DROP = 'rmdir -- "$1" 2>/dev/null; [ ! -d "$1" ] || exit 3'
local WIN_DROP = [[
$folder = %s
try { $inside = @([IO.Directory]::GetFileSystemEntries($folder)) }
catch [IO.DirectoryNotFoundException] { exit 0 }
if ($inside.Count -gt 0) { exit 3 }
[IO.Directory]::Delete($folder)]]

-- $2: the mark of a copy that is not done.
local COMPLETE = [[
[ -d "$1" ] && [ ! -e "$1/$2" ] || exit 3
[ -n "$(find "$1" -mindepth 1 -maxdepth 1 ! -name '.*' -print -quit)" ] || exit 3]]
local WIN_COMPLETE = [[
$folder = %s
$copying = %s
$found = 3
try { $inside = @([IO.Directory]::GetFileSystemEntries($folder)) }
catch [IO.DirectoryNotFoundException] { exit 3 }
foreach ($one in $inside) {
    $name = [IO.Path]::GetFileName($one)
    if ($name -eq $copying) { exit 3 }
    if (-not $name.StartsWith('.')) { $found = 0 }
}
exit $found]]

local MARK = ': >"$1/$2"'
local UNMARK = 'rm -f -- "$1/$2"'
local WIN_MARK = "[IO.File]::WriteAllText([IO.Path]::Combine(%s, %s), '')"
local WIN_UNMARK = "[IO.File]::Delete([IO.Path]::Combine(%s, %s))"

-- $3: a name that may be there already.
local CLAIM = [[
[ ! -e "$1/$2" ] || exit 0
[ -z "$(find "$1" -mindepth 1 -maxdepth 1 ! -name "$3" ! -name '.baton-*' -print -quit)" ] || exit 3
: >"$1/$2"]]
local WIN_CLAIM = [[
$share = %s
$mark = [IO.Path]::Combine($share, %s)
$but = %s
if ([IO.File]::Exists($mark)) { exit 0 }
foreach ($entry in [IO.Directory]::GetFileSystemEntries($share)) {
    $name = [IO.Path]::GetFileName($entry)
    if (@($but, 'System Volume Information', '$RECYCLE.BIN') -notcontains $name -and -not $name.StartsWith('.baton-')) {
        exit 3
    }
}
[IO.File]::WriteAllText($mark, '')]]

local ASIDE = [[
[ -d "$1" ] || exit 3
n=1
while [ -e "$1.undone-$n" ]; do n=$((n + 1)); done
mv -- "$1" "$1.undone-$n" && echo "$1.undone-$n"]]
local WIN_ASIDE = [[
$folder = %s
try { [IO.File]::GetAttributes($folder) | Out-Null }
catch [IO.FileNotFoundException], [IO.DirectoryNotFoundException] { exit 3 }
$n = 1
while ([IO.Directory]::Exists("$folder.undone-$n")) { $n += 1 }
[IO.Directory]::Move($folder, "$folder.undone-$n")
Write-Output "$folder.undone-$n"]]

--- Sign the share, so that it can be known again, from the first node. From all others: is it signed,
--- and can they write there? Waits.
---@param node Node
---@param share string
---@param first Node
---@return boolean? done
---@return string? why
function shared_folder.sign(node, share, first)
    if node.name ~= first.name then
        local so, why = shared_folder.is_signed(node, share)
        if not so then
            return so, so == false and ("%s does not see what %s wrote to %s: is it the same share, and mounted?")
                :format(node.name, first.name, share) or why
        end
    end
    return remote.done(both.run(node, 50, SIGN_IT, WIN_SIGN_IT, share, SIGN),
        ("%s: write to %s"):format(node.name, share))
end

--- Is it the share that was signed, and not what lies below a mount that is gone? Waits.
---@param node Node
---@param share string
---@return boolean?
---@return string detail
function shared_folder.is_signed(node, share)
    return both.ask(node, IS_MARKED, WIN_IS_MARKED, { yes = "it is the share",
        no = ("%s on %s is not the share that it was: %s is gone from it. Is it mounted?"):format(share, node.name,
            SIGN) }, share, SIGN)
end

--- Take the signature away. Waits.
---@param node Node
---@param share string
---@return boolean? done
---@return string? why
function shared_folder.unsign(node, share)
    return remote.done(both.run(node, 60, UNMARK, WIN_UNMARK, share, SIGN), "write to " .. share)
end

--- Is it there? Waits.
---@param node Node
---@param folder string
---@return boolean?
---@return string detail
function shared_folder.is_there(node, folder)
    return both.ask(node, IS_FOLDER, WIN_IS_FOLDER, { yes = folder .. " is there", no = "it is not there" }, folder)
end

--- Make it: on Linux with owner and mode of `like`; on Windows the accounts in `grant`, with commas between,
--- may write it. Waits.
---@param node Node
---@param folder string
---@param rights { like: string, grant?: string }
---@return boolean? done
---@return string? why
function shared_folder.make(node, folder, rights)
    local result = both.run(node, 100, MAKE, WIN_MAKE, folder,
        both.is_windows(node) and (rights.grant or "") or rights.like)
    return remote.done(result, "make " .. folder)
end

--- Remove it where nothing is in it; else it stays. Waits.
---@param node Node
---@param folder string
---@return boolean? done
---@return string? why
function shared_folder.drop(node, folder)
    local result = both.run(node, 60, DROP, WIN_DROP, folder)
    if both.is_no(result) then
        return true, "it is not empty, and stays"
    end
    return remote.done(result, "remove " .. folder)
end

--- Is there something in it, and all that was to be copied? Waits.
---@param node Node
---@param folder string
---@param words { yes: string, no: string }
---@return boolean?
---@return string detail
function shared_folder.is_complete(node, folder, words)
    return both.ask(node, COMPLETE, WIN_COMPLETE, words, folder, COPYING)
end

--- Make a copy into the folder: it is not complete before `copy` says that it is done. Waits.
---@param node Node
---@param folder string
---@param copy fun(): boolean?, string?
---@return boolean? done
---@return string? why
function shared_folder.fill(node, folder, copy)
    local done, why = remote.done(both.run(node, 60, MARK, WIN_MARK, folder, COPYING), "write to " .. folder)
    local said
    if done then
        done, why = copy()
        said = why
    end
    if done then
        done, why = remote.done(both.run(node, 60, UNMARK, WIN_UNMARK, folder, COPYING), "write to " .. folder)
    end
    return done, done and said or why
end

--- Mark a share as one that holds nothing but our copy, where it holds nothing yet but `name`. Waits.
---@param node Node
---@param share string
---@param name string
---@return boolean? done  true too where it is not empty: then it is not marked
---@return string? why
function shared_folder.claim(node, share, name)
    local result = both.run(node, 60, CLAIM, WIN_CLAIM, share, BEGAN, name)
    if both.is_no(result) then
        return true
    end
    return remote.done(result, "write to " .. share)
end

--- Was it marked so? Waits.
---@param node Node
---@param share string
---@return boolean?
function shared_folder.is_claimed(node, share)
    return (both.ask(node, IS_MARKED, WIN_IS_MARKED, { yes = "", no = "" }, share, BEGAN))
end

--- Put it aside, under the first name that is free. Waits.
---@param node Node
---@param folder string
---@return boolean? done
---@return string? why
function shared_folder.put_aside(node, folder)
    local result = both.run(node, 60, ASIDE, WIN_ASIDE, folder)
    if both.is_no(result) then
        return true, "it is not there"
    end
    local done, why = remote.done(result, ("put %s aside"):format(folder))
    return done, done and "put aside as " .. result.out:match "^%s*(.-)%s*$" or why
end

return shared_folder
