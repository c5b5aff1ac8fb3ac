#!/bin/bash
# Every PowerShell script that is shipped is PowerShell, with hostile values in it too; and each
# value that goes through the quoting function comes out of the real parser as it went in.
# shellcheck disable=SC2016  # PowerShell and inner shells have their own dollars
set -u
here=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-${BATON_BUILD:-build/gcc}}
lab=$build/tests/windows/windows_lab
[ -x "$lab" ] || { echo "skipped: there is no $lab (tests/windows/fetch)"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/snippets-XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
check() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@" >"$work/said" 2>&1; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED: $what"; cat "$work/said"; fi
}

mkdir "$work/ps"
check "scripts are collected" lua5.4 "$here/windows/snippets.lua" "$work/ps"
for file in "$work"/ps/*.ps1; do
    check "${file##*/}: $(cat "$file")" "$lab" --parse "$file"
done
[ "$passed" -ge 70 ] || { echo "FAILED: only $passed scripts were found"; failed=$((failed + 1)); }

echo 'if ($x -eq 1 { exit 3 }' >"$work/broken.ps1"
check "what is no PowerShell is found" bash -c '! "$0" --parse "$1"' "$lab" "$work/broken.ps1"

cat >"$work/quote.lua" <<'END'
package.path = arg[1] .. "/policy/?.lua;" .. package.path
arg[0] = arg[1] .. "/policy/x.lua"
local powershell = require "minihost".new {}.require "powershell"
local hostile = { "it's", "'; Remove-Item C:\\ #", "\u{2019}; exit", "\u{201A}\u{201B}\u{2018}", "$(whoami)", "`n$x",
    "a\nb\r\nc", "\u{202E}gnp.exe", "\u{1F4E7} ünï", "%s %d", "\"quoted\"", "C:\\Program Files (x86)\\", "", "|&;<>(){}@", "''" }
for i, value in ipairs(hostile) do
    local out = assert(io.open(("%s/%02d.value"):format(arg[2], i), "wb"))
    out:write(value)
    out:close()
    out = assert(io.open(("%s/%02d.ps1"):format(arg[2], i), "wb"))
    out:write("$value = " .. powershell.quote(value) .. "\n[Console]::Write($value)\n")
    out:close()
end
END
mkdir "$work/quote"
check "values are quoted" lua5.4 "$work/quote.lua" "$here" "$work/quote"
for file in "$work"/quote/*.ps1; do
    check "${file##*/} comes out as it went in" bash -c '"$0" --run "$1" | cmp - "${1%.ps1}.value"' "$lab" "$file"
done
echo "$passed passed, $failed failed"
exit $((failed > 0))
