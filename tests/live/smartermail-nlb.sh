#!/bin/bash
# A real batond with policies/smartermail-nlb.lua against two modelled Windows hosts: what it does to
# them by WinRM, in which order, and what it leaves behind.
set -u
build=${1:-${BATON_BUILD:-build/gcc}}
build=$(cd "$build" && pwd) || exit 1
top=$(cd "$(dirname "$0")/../.." && pwd)
lab=$build/tests/windows/windows_lab
[ -x "$lab" ] || { echo "skipped: there is no $lab (tests/windows/fetch)"; exit 77; }
for program in socat curl jq openssl; do
    command -v $program >/dev/null || { echo "skipped: there is no $program"; exit 77; }
done
work=$(mktemp -d "${TMPDIR:-/tmp}/nlb-XXXXXX") || exit 1
chmod 755 "$work"
passed=0 failed=0 batond='' greeter=''
clean() {
    [ -z "$batond" ] || kill -9 "$batond" 2>/dev/null
    [ -z "$greeter" ] || kill -9 "$greeter" 2>/dev/null
    exec 9>&- # the lab ends with its standard input
    rm -rf "$work"
}
trap clean EXIT

ok() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@" >"$work/said" 2>&1; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        printf 'FAILED: %s\n' "$what"
        tail -n 20 "$work/said" "$work/batond.log"
        lua 'return table.concat(lab.log, "\n")'
    fi
}
lua() { curl -sS --max-time 5 "http://127.0.0.1:$control/" --data-binary "$1"; }
is() { [ "$(lua "$1")" = "$2" ] || { echo "$1: $(lua "$1") instead of $2"; return 1; }; }
wait_for() { # SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -le $end ] || { "$@"; return 1; }
        sleep 0.1
    done
}
baton() { "$build/tools/baton/baton" "$1" --socket "$work/control.sock" "${@:2}"; }
state_is() { # HOLDER STATES
    baton status --json | jq -e --arg holder "$1" --arg states "$2" '.groups[0] |
        .holder == $holder and ([.nodes[].state] | join(" ")) == $states and (.plans | length) == 0'
}

# ---- The hosts, and who clients reach ------------------------------------------------------
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=windows \
    -addext subjectAltName=IP:127.0.0.2,IP:127.0.0.3 -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
(umask 077 && echo 'pa ss"w' >"$work/password")
mkfifo "$work/stdin" "$work/stdout"
for _ in 1 2 3 4 5; do
    port=$((20000 + RANDOM % 20000))
    "$lab" --cert "$work/cert.pem" --key "$work/key.pem" --user baton --password-file "$work/password" \
        --host "server01=127.0.0.2:$port" --host "server02=127.0.0.3:$port" --control 127.0.0.1:0 \
        <"$work/stdin" >"$work/stdout" 2>"$work/lab.log" &
    exec 9>"$work/stdin"
    control=''
    while read -r name _ number; do
        [ "$name" != control ] || control=$number
        [ "$name" != ready ] || break
    done <"$work/stdout"
    [ -z "$control" ] || break
done
[ -n "${control:-}" ] || { echo "the lab does not start"; cat "$work/lab.log"; exit 1; }

cat >"$work/greet" <<END
#!/bin/bash
name=\$(curl -sS --max-time 5 http://127.0.0.1:$control/ --data-binary 'return lab.serving()')
[ -n "\$name" ] || exit 0
printf '220 %s ESMTP\r\n' "\$name"
while read -r word _; do
    case \$word in
    EHLO* | NOOP*) printf '250 %s\r\n' "\$name" ;;
    QUIT*) printf '221 bye\r\n'; exit 0 ;;
    *) printf '500 what?\r\n' ;;
    esac
done
END
chmod 755 "$work/greet"
smtp=$((port + 1))
socat "TCP-LISTEN:$smtp,bind=127.0.0.100,fork,reuseaddr" "EXEC:$work/greet" 2>"$work/socat.log" &
greeter=$!

# ---- Baton ------------------------------------------------------------------------------------
mkdir -p "$work/hooks" "$work/state"
cp -R "$top/lua" "$work/lua" && cp "$top/policies/smartermail-nlb.lua" "$work/" && chmod -R go-w "$work/lua" "$work"/*.lua
cat >"$work/baton.xml" <<END
<baton>
  <state directory="$work/state"/><control socket="$work/control.sock"/>
  <lua directory="$work/lua"/><hooks directory="$work/hooks"/><log to="stderr"/>
  <secret name="windows" file="$work/password"/>
  <group name="mail">
    <address ip="127.0.0.100/8"/><share path="\\\\NAS01\\SmarterMail"/><marks keep="no"/>
    <policy file="$work/smartermail-nlb.lua">
      <set name="smtp_port" value="$smtp"/><set name="winrm_port" value="$port"/>
      <set name="submission_port" value="0"/><set name="imap_port" value="0"/>
      <set name="pop3_port" value="0"/><set name="web_port" value="0"/>
      <set name="every" value="0.3"/><set name="timeout" value="1"/><set name="fall" value="2"/><set name="rise" value="1"/>
      <set name="share_every" value="1"/><set name="settle" value="0.5"/><set name="restarts" value="0"/>
      <set name="failback" value="false"/><set name="look_deadline" value="3"/>
    </policy>
    <node name="server01" address="127.0.0.2" priority="1">
      <winrm user="baton" password="windows" auth="basic" port="$port" ca="$work/cert.pem"/></node>
    <node name="server02" address="127.0.0.3" priority="2">
      <winrm user="baton" password="windows" auth="basic" port="$port" ca="$work/cert.pem"/></node>
  </group>
</baton>
END
"$build/core/daemon/batond" --config "$work/baton.xml" </dev/null >"$work/batond.log" 2>&1 &
batond=$!

ok "what runs is adopted" wait_for 20 state_is server01 "Active Standby"
ok "nothing was touched" is 'local n = 0 for _, l in ipairs(lab.log) do n = n + (l:find "powershell" and 0 or 1) end return n' 0

ok "a planned move" timeout 60 "$build/tools/baton/baton" failover --socket "$work/control.sock" mail --to server02 --wait
ok "it ends with server02 serving" wait_for 20 state_is server02 "Standby Active"
ok "in the order of the document's scripts" is \
    'local o = {} for _, l in ipairs(lab.log) do if not l:find "powershell" then o[#o + 1] = l end end return table.concat(o, "; ")' \
    "server01: nlb Stopped; server01: pool SmarterMail Stopped; server01: service MailService Stopped; server02: nlb Started; server02: service MailService Running; server02: pool SmarterMail Started"
ok "clients reach server02" is 'return lab.serving()' server02

lua 'lab.log = {} lab.server02.services.MailService.status = "Stopped"; lab.server02.faults["start-service"] = "denied"' >/dev/null
ok "the service dies and can't be started: server01 takes over" wait_for 40 state_is server01 "Active Standby"
lua 'lab.server02.faults = {}' >/dev/null

lua 'lab.log = {} lab.server01.faults["stop-nlbclusternode"] = "hung"' >/dev/null
baton failover mail --to server02 >/dev/null
ok "a step that hangs is under way" wait_for 20 is 'return lab.counts "server01":match "%d+ commands"' "1 commands"
lua 'lab.server01.faults = { down = true }' >/dev/null
ok "the host goes down in the middle: held, nothing is started" wait_for 60 bash -c \
    "'$build/tools/baton/baton' status --socket '$work/control.sock' --json | jq -e '.groups[0].hold.kind // .groups[0].hold | tostring | test(\"unconfirmed\")'"
ok "nobody else was started" is 'return lab.server02.nlb.state' Stopped
lua 'lab.server01.faults = {}' >/dev/null
ok "it comes back, and one serves" wait_for 60 is 'return lab.serving() ~= ""' true

kill -TERM "$batond"
ok "batond ends" wait_for 10 bash -c "! kill -0 $batond"
batond=''
ok "no shell is left on server01" is 'return lab.counts "server01"' "0 shells, 0 commands"
ok "no shell is left on server02" is 'return lab.counts "server02"' "0 shells, 0 commands"
ok "two never served" is 'return lab.two or "never"' never
echo "$passed passed, $failed failed"
exit $((failed > 0))
