#!/bin/bash
# baton preflight and baton cluster on two modelled Windows hosts with policies/smartermail-nlb.lua: each
# check once as it should be, and once not.
set -u
build=${1:-${BATON_BUILD:-build/gcc}}
build=$(cd "$build" && pwd) || exit 1
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/live/windows-hosts
. "$top/tests/live/windows-hosts"
missing=$(hosts_missing)
[ -z "$missing" ] || { echo "skipped: $missing"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/preflight-XXXXXX") || exit 1
chmod 755 "$work"
passed=0 failed=0
clean() {
    hosts_stop
    rm -rf "$work"
}
trap clean EXIT
ok() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@" >"$work/said" 2>&1; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        printf 'FAILED: %s\n' "$what"
        tail -n 40 "$work/said"
    fi
}
hosts_start || { echo "the lab does not start"; exit 1; }

mkdir -p "$work/hooks" "$work/state"
cp -R "$top/lua" "$work/lua" && cp "$top/policies/smartermail-nlb.lua" "$work/" && chmod -R go-w "$work/lua" "$work"/*.lua
cat >"$work/baton.xml" <<END
<baton>
  <state directory="$work/state"/><control socket="$work/control.sock"/>
  <lua directory="$work/lua"/><hooks directory="$work/hooks"/><log to="stderr"/>
  <secret name="windows" file="$work/password"/>
  <group name="mail">
    <address ip="127.0.0.100/8"/><share path="\\\\NAS01\\SmarterMail"/>
    <policy file="$work/smartermail-nlb.lua"><set name="licence_until" value="2099-12-31"/></policy>
    $(hosts_nodes)
  </group>
</baton>
END

preflight() { timeout 120 "$build/tools/baton/baton" preflight --config "$work/baton.xml" "$@"; }
look() { # looked at anew; what was found is in result.json
    preflight --json >"$work/result.json" 2>"$work/error"
    echo "ended with $?" >>"$work/error"
}
is() { # OUTCOME NAME NODE [DETAIL]: NODE "": of the group
    local node='null' found
    [ -z "$3" ] || node="\"$3\""
    found=$(jq -r --arg name "$2" --argjson node "$node" \
        '.groups[0].checks[] | select(.name == $name and .node == $node) | "\(.outcome): \(.detail) \(.advice // "")"' "$work/result.json")
    [[ $found == "$1: "*"${4:-}"* ]] || { echo "$2 on $3 is '$found', not $1: ${4:-}"; cat "$work/error"; return 1; }
}
red() { # NAME NODE DETAIL: so, with words and advice
    is fail "$1" "$2" "$3" && [ -n "$(jq -r --arg name "$1" '.groups[0].checks[] |
        select(.name == $name and .outcome == "fail") | .advice // ""' "$work/result.json")" ]
}

# ---- As it should be -----------------------------------------------------------------------
ok "the hosts are set up" lua 'for _, host in pairs(lab.hosts) do host.nlb.address = "127.0.0.100" end
    for _, port in ipairs { 25, 110, 143, 587 } do table.insert(lab.server01.ports, { address = "127.0.0.100", port = port }) end
    table.insert(lab.server01.ports, { address = "0.0.0.0", port = 3389 })'
# Long brackets, so that backslashes are themselves.
ok "their files are as the document wants them" lua 'local config = [[<?xml version="1.0"?><failover>
<SharedSystemFilesPath>\\NAS01\SmarterMail\Service</SharedSystemFilesPath>
<FailoverIPAddress>127.0.0.100</FailoverIPAddress><IsEnabled>True</IsEnabled></failover>]]
    for _, host in pairs(lab.hosts) do
        lab.fill(host, { [ [[C:\Program Files (x86)\SmarterTools\SmarterMail\Service\failoverConfig.xml]] ] = config })
    end
    lab.fill(lab.server01, {
        [ [[\\NAS01\SmarterMail\Service\domainlist.xml]] ] = [[<d><domain path="\\NAS01\SmarterMail\Domains\d.test"/></d>]],
        [ [[\\NAS01\SmarterMail\Service\Settings\domains.json]] ] = [[{"data_path": "\\\\NAS01\\SmarterMail\\Domains"}]] })'
look
for name in reached clock share nlb-mode nlb-address nlb-rules nlb-initial nlb-priority autostart account \
    remoting iis ports failover-config; do
    ok "$name on server01" is ok $name server01
    ok "$name on server02" is ok $name server02
done
for name in servers addresses share-same fence licence failover-same paths; do
    ok "$name" is ok $name ""
done
ok "nothing of Baton's stays on the share" [ "$(lua 'local n = {} for name in pairs(lab.shares["\\\\NAS01\\SmarterMail"].files) do
    if name:find "baton" then n[#n + 1] = name end end return table.concat(n, " ")')" = "" ]
ok "nothing of the hosts was changed" [ "$(lua 'local n = {} for _, l in ipairs(lab.log) do
    if not l:find "powershell" then n[#n + 1] = l end end return table.concat(n, "; ")')" = "" ]

# ---- As it should not be, on server02 ------------------------------------------------------
ok "server02 is spoilt" lua 'local two = lab.server02
    two.nlb.mode, two.nlb.address, two.nlb.rule, two.nlb.initial, two.nlb.priority = "UNICAST", "127.0.0.99", "Multiple", "Started", 1
    two.services.MailService.start, two.services.MailService.account = "Automatic", "NT AUTHORITY\\LocalService"
    two.policy, two.bindings, two.clock = "Restricted", { "127.0.0.100:80:", "*:443:mail.example.org" }, 100.5
    two.ports = { { address = "127.0.0.3", port = 25 }, { address = "127.0.0.100", port = 110 } }'
ok "so are its files" lua 'local path = [[C:\Program Files (x86)\SmarterTools\SmarterMail\Service\failoverConfig.xml]]
    local text = lab.file(lab.server02, path)
    lab.fill(lab.server02, { [path] = text:gsub("127.0.0.100", "10.0.0.1") })
    lab.fill(lab.server01, {
        [ [[\\NAS01\SmarterMail\Service\domainlist.xml]] ] = [[<d><domain path="c:/SmarterMail/Domains/d.test"/></d>]] })'
look
ok "failoverConfig.xml has another address" red failover-config server02 "FailoverIPAddress 10.0.0.1 → 127.0.0.100"
ok "and is not the same" red failover-same "" "not as on server01: server02"
ok "a path is the old one" red paths "" "domainlist.xml 1"
ok "the clock is off" red clock server02 "+100."
ok "unicast" red nlb-mode server02 UNICAST
ok "another address" red nlb-address server02 "127.0.0.99, not 127.0.0.100"
ok "multiple hosts" red nlb-rules server02 "0-65535: Multiple"
ok "started after a boot" red nlb-initial server02 Started
ok "two of one priority" red nlb-priority server02 "1, not 2"
ok "starts by itself" red autostart server02 Auto
ok "an account that reaches nothing" red account server02 "LocalService reaches no share"
ok "scripts are forbidden" red remoting server02 "Restricted"
ok "bound to all addresses" red iis server02 "bound to *:443:mail.example.org"
ok "a port on the server's own address" red ports server02 "bound to another address: 127.0.0.3:25"
ok "server01 is as it was" is ok nlb-mode server01
ok "it ends with 1" grep -q "ended with 1" "$work/error"

ok "no failoverConfig.xml, and one with a setting twice" lua '
    local path = [[C:\Program Files (x86)\SmarterTools\SmarterMail\Service\failoverConfig.xml]]
    lab.server01.files[path:lower()] = nil
    lab.fill(lab.server02, { [path] = "<f><IsEnabled>True</IsEnabled><IsEnabled>False</IsEnabled></f>" })'
look
ok "it is not there" red failover-config server01 "is not there"
ok "nobody knows which is meant" red failover-config server02 IsEnabled

ok "the share is another one" lua 'local two = lab.server02
    two.faults.no_share = true
    lab.server01.ports[1].address = "0.0.0.0"
    lab.server01.services.MailService.account = "EXAMPLE\\other"
    lab.server02.nlb.mode = ""'
look
ok "no share" red share server02 "network path"
ok "not the same share" is unknown share-same "" server02
ok "listens everywhere" red ports server01 "0.0.0.0:25"
ok "an account whose rights nobody sees" is unknown account server01 "no right of its own"
ok "nobody knows the mode" is fail nlb-mode server02

ok "the machine's own account" lua 'lab.server01.services.MailService.account = "LocalSystem"
    lab.shares["\\\\NAS01\\SmarterMail"].access = { { "EXAMPLE\\SERVER01$", "FullControl" }, { "EXAMPLE\\smartermail", "Read" } }
    lab.server02.faults, lab.server02.services.MailService.account = {}, ".\\smartermail"'
look
ok "has a right" is ok account server01 'LocalSystem, by EXAMPLE\SERVER01$'
ok "a right to read is none to write" is unknown account server02
ok "everybody may" lua 'lab.shares["\\\\NAS01\\SmarterMail"].access = { { "Everyone", "Modify, Synchronize" } }'
look
ok "then the machine may" is ok account server01 "by Everyone"
ok "and any other" is ok account server02 "by Everyone"
ok "everybody but" lua 'lab.shares["\\\\NAS01\\SmarterMail"].access = { { "Everyone", "Modify", "Deny" } }'
look
ok "not then" is unknown account server01

ok "server02 is spoilt further" lua 'lab.server02.faults = { down = true }
    table.remove(lab.server01.ports, 2)
    lab.server01.ports[1].address = "127.0.0.100"
    lab.server01.bindings = {}'
look
ok "server02 is out of reach" red reached server02 ""
ok "and nothing else of it is known" is unknown nlb-initial server02
ok "a port is missing" red ports server01 "not bound to 127.0.0.100: 110"
ok "no site" red iis server01 "no site is bound"

# Where sessions may not reach the share nothing is asked of it, and the rest is.
sed -i 's,<set name="licence_until",<set name="share_every" value="0"/>&,' "$work/baton.xml"
look
ok "no check asks for the share" [ "$(jq '[.groups[0].checks[].name] | map(select(. == "share" or . == "share-same" or
    . == "account" or . == "paths")) | length' "$work/result.json")" = 0 ]
ok "others are made" is ok nlb-mode server01

echo "$passed passed, $failed failed"
exit $((failed > 0))
