--- The Windows half of files.lua: each function makes one request and gives its result.
--
-- Bytes go as base64, which no code page changes.

local powershell = require "powershell"

-- Bytes that are read or written at once. Each command starts a PowerShell, so the fewer the better; but
-- the base64 of one must fit what a request gives (1 MiB), and all that is made of it a policy's memory.
local windows_files = { PIECE = 384 * 1024 }

local OUT_MAX = 1 << 20
local NEW, BACKUP, NONE = ".baton-new", ".before-baton", ".not-before-baton"

-- File.Exists and Directory.Exists say no, too, where a share is out of reach or may not be entered:
-- what is not there is known by what else says so. Others may have open what is only read.
local SIZE = [[
try { $stream = [IO.File]::Open(%s, 'Open', 'Read', 'ReadWrite, Delete') }
catch [IO.FileNotFoundException], [IO.DirectoryNotFoundException] { exit 3 }
Write-Output $stream.Length
$stream.Close()]]

local PIECE = [[
$stream = [IO.File]::Open(%s, 'Open', 'Read', 'ReadWrite, Delete')
$stream.Position = [int64]%s
$bytes = New-Object byte[] ([int]%s)
$count = $stream.Read($bytes, 0, $bytes.Length)
$stream.Close()
[Console]::Out.Write([Convert]::ToBase64String($bytes, 0, $count))]]

local LIST = [[
try { $list = [IO.Directory]::GetFiles(%s) } catch [IO.DirectoryNotFoundException] { exit 3 }
foreach ($file in $list) { Write-Output ([IO.Path]::GetFileName($file)) }]]

local BEGIN = "[IO.File]::WriteAllText(%s, '')"

-- The bytes come on standard input.
local APPEND = [[
$bytes = [Convert]::FromBase64String([Console]::In.ReadToEnd())
$stream = [IO.File]::OpenWrite(%s)
$stream.Position = $stream.Length
$stream.Write($bytes, 0, $bytes.Length)
$stream.Close()]]

-- Replace keeps the access rights and attributes of the file that is there; where a share can't do
-- it, two moves do. It can fail between its own two, too: then the old file has the backup's name.
-- Moves would get past the mark on a file that is read-only, and nobody would know.
local FINISH = [[
$path = %s
$new = %s
$sum = %s
$old = %s
$backup = %s
$none = %s
if ((Get-FileHash -LiteralPath $new -Algorithm SHA256).Hash -ne $sum) {
    throw 'what is read back is not what was written'
}
$stream = [IO.File]::Open($new, 'Open', 'ReadWrite', 'None')
$stream.Flush($true)
$stream.Close()
$is_there = $true
try {
    if (([int][IO.File]::GetAttributes($path) -band 1) -ne 0) { throw 'it is read-only' }
} catch [IO.FileNotFoundException] { $is_there = $false }
if (-not $is_there) {
    if ($old -ne '') { throw 'it went away meanwhile' }
    [IO.File]::WriteAllText($none, '')
    [IO.File]::Move($new, $path)
    exit 0
}
if ($old -ne '' -and (Get-FileHash -LiteralPath $path -Algorithm SHA256).Hash -ne $old) {
    throw 'it was changed meanwhile'
}
$aside = $new + '-old'
if ([IO.File]::Exists($backup)) { $backup = $aside }
[IO.File]::Delete($aside)
try { [IO.File]::Replace($new, $path, $backup) } catch {
    if ([IO.File]::Exists($path)) { [IO.File]::Move($path, $backup) }
    try { [IO.File]::Move($new, $path) } catch {
        [IO.File]::Move($backup, $path)
        throw
    }
}
[IO.File]::Delete($aside)]]

local DROP = "[IO.File]::Delete(%s)"

local RESTORE = [[
$path = %s
$backup = %s
$none = %s
$was = ''
foreach ($one in @($backup, $none)) {
    try { [IO.File]::GetAttributes($one) | Out-Null; if ($was -eq '') { $was = $one } }
    catch [IO.FileNotFoundException], [IO.DirectoryNotFoundException] { }
}
if ($was -eq '') { exit 3 }
if ($was -eq $none) {
    [IO.File]::Delete($path)
    [IO.File]::Delete($none)
    exit 0
}
try { [IO.File]::Replace($backup, $path, [NullString]::Value) } catch {
    if ([IO.File]::Exists($path)) { [IO.File]::Delete($path) }
    [IO.File]::Move($backup, $path)
}]]

local function ps(node, timeout, script, ...)
    return powershell.run(node, { timeout = timeout, output_max = OUT_MAX }, script, ...)
end

function windows_files.size(node, path)
    return ps(node, 60, SIZE, path)
end

function windows_files.piece(node, path, at)
    local result = ps(node, 120, PIECE, path, at, windows_files.PIECE)
    return result, result.ok and from_base64(result.out:match "^%s*(%S*)") or ""
end

function windows_files.list(node, folder)
    local result, names = ps(node, 60, LIST, folder), {}
    for name in result.out:gmatch "[^\r\n]+" do
        names[#names + 1] = name
    end
    return result, names
end

function windows_files.begin(node, path)
    return ps(node, 60, BEGIN, path .. NEW)
end

function windows_files.append(node, path, bytes)
    local request = powershell.request(APPEND, path .. NEW)
    assert(not request.input, "a path of thousands of characters")
    return node:exec { command = request.command, input = to_base64(bytes), timeout = 120 }
end

function windows_files.finish(node, path, sum, old)
    return ps(node, 3600, FINISH, path, path .. NEW, sum, old or "", path .. BACKUP, path .. NONE)
end

function windows_files.drop(node, path)
    return ps(node, 60, DROP, path .. NEW)
end

function windows_files.restore(node, path)
    return ps(node, 60, RESTORE, path, path .. BACKUP, path .. NONE)
end

return windows_files
