--- The Linux half of files.lua: each function makes one request and gives its result.
--
-- Paths are arguments of constant scripts for sh. A link is followed: what is written takes the place
-- of the file that it names.

local remote = require "remote"

local linux_files = { PIECE = 256 * 1024 } -- bytes that are read or written at once

local OUT_MAX = 1 << 20
local NEW, BACKUP, NONE = ".baton-new", ".before-baton", ".not-before-baton"

local SIZE = '[ -e "$1" ] || exit 3; exec stat -L -c %s -- "$1"'
local PIECE = 'exec dd if="$1" bs=65536 skip="$2" count="$3" iflag=fullblock status=none'
local LIST = [[
[ -d "$1" ] || exit 3
exec find "$1" -mindepth 1 -maxdepth 1 -type f -printf '%f\0']]

-- The new file is as the old one is: owner, mode, and what else can be copied.
local BEGIN = [[
path=$(readlink -f -- "$1") || path=$1
umask 077
: >"$path$2" || exit 1
if [ -e "$path" ]; then
    chown --reference="$path" -- "$path$2" && chmod --reference="$path" -- "$path$2" || exit 1
fi]]
local APPEND = 'path=$(readlink -f -- "$1") || path=$1; exec cat >>"$path$2"'
-- $3: the sum that the new file must have; $4: that the old one must have still, or "".
local FINISH = [[
set -e
path=$(readlink -f -- "$1") || path=$1
sum=$(sha256sum <"$path$2"); old=
[ ! -e "$path" ] || old=$(sha256sum <"$path")
if [ "${sum%% *}" != "$3" ]; then
    echo "what is read back is not what was written" >&2; exit 1
fi
if [ -n "$4" ] && [ "${old%% *}" != "$4" ]; then
    echo "it was changed meanwhile" >&2; exit 1
fi
sync -- "$path$2" 2>/dev/null || sync
if [ ! -e "$path" ]; then
    : >"$path$6"
elif [ ! -e "$path$5" ]; then
    cp -p -- "$path" "$path$5.new" && mv -f -- "$path$5.new" "$path$5"
fi
mv -f -- "$path$2" "$path"
sync -- "${path%/*}/" 2>/dev/null || sync]]
local DROP = 'path=$(readlink -f -- "$1") || path=$1; exec rm -f -- "$path$2"'
local RESTORE = [[
path=$(readlink -f -- "$1") || path=$1
if [ -e "$path$2" ]; then
    mv -f -- "$path$2" "$path"
elif [ -e "$path$3" ]; then
    rm -f -- "$path" && rm -f -- "$path$3"
else
    exit 3
fi]]

local function sh(node, timeout, script, ...)
    return node:exec { command = remote.shell(script, ...), timeout = timeout, output_max = OUT_MAX }
end

function linux_files.size(node, path)
    return sh(node, 30, SIZE, path)
end

function linux_files.piece(node, path, at)
    local result = sh(node, 120, PIECE, path, at // 65536, linux_files.PIECE // 65536)
    return result, result.out
end

function linux_files.list(node, folder)
    local result, names = sh(node, 60, LIST, folder), {}
    for name in result.out:gmatch "([^%z]+)%z" do
        names[#names + 1] = name
    end
    return result, names
end

function linux_files.begin(node, path)
    return sh(node, 30, BEGIN, path, NEW)
end

function linux_files.append(node, path, bytes)
    local command = remote.shell(APPEND, path, NEW)
    return node:exec { command = command, input = bytes, timeout = 120 }
end

function linux_files.finish(node, path, sum, old)
    return sh(node, 3600, FINISH, path, NEW, sum, old or "", BACKUP, NONE)
end

function linux_files.drop(node, path)
    return sh(node, 30, DROP, path, NEW)
end

function linux_files.restore(node, path)
    return sh(node, 60, RESTORE, path, BACKUP, NONE)
end

return linux_files
