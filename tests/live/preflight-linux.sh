#!/bin/bash
# baton preflight, baton cluster and the readiness of batond, with policies/smartermail-linux.lua on two real
# servers: OpenSSH, a floating address, a mounted share. Each check once as it should be, and once
# not; the page in a real browser, where there is one. The unit is a stand-in: lab-smartermail.
#
#   preflight-linux.sh BUILD_DIRECTORY
set -u
export LC_ALL=C.UTF-8

build=$(cd "$1" && pwd) || exit 2
# shellcheck source=tests/live/able
. "$(dirname "$0")/able" postfix dovecot sshd jq ip

# shellcheck source=tests/live/lab
. "$(dirname "$0")/lab"
LAB_BUILD=$build
# shellcheck source=tests/live/lab-baton
. "$(dirname "$0")/lab-baton"
# shellcheck source=tests/live/lab-smartermail
. "$(dirname "$0")/lab-smartermail"
# shellcheck disable=SC2034  # for lab-baton
LAB_POLICY=smartermail-linux
SERVICE=/srv/own/etc/smartermail MAIL=/srv/own/smartermail
LAB_PARAMS=(restarts=0 every=0.3 timeout=1 settle=1 restart_deadline=15 submission_port=0 pop3_port=0 web_port=0
    failback=false look_deadline=2 unconfirmed=fence licence_until=2099-12-31
    "service_folder=$SERVICE" "mail_folder=$MAIL" "old_paths=/oldstore/old mail")
passed=0 failed=0
trap 'lab_down' EXIT
trap 'exit 130' INT TERM

ok() { # WHAT COMMAND…
    local what=$1
    shift
    if "$@" >"$LAB_DIR/said" 2>&1; then
        passed=$((passed + 1))
        return
    fi
    failed=$((failed + 1))
    printf 'FAILED: %s\n' "$what"
    tail -n 40 "$LAB_DIR/said"
}
die() {
    echo "$*" >&2
    exit 1
}
wait_for() { # SECONDS COMMAND…
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { "$@" && false; return 1; }
        sleep 0.2
    done
}

# ---- As the document wants it ---------------------------------------------------------------

service_files() { # HOST
    local etc=$LAB_DIR/$1/own/etc/smartermail
    mkdir -p "$etc"
    printf '<failover>\n  <SharedSystemFilesPath>%s</SharedSystemFilesPath>\n  <FailoverIPAddress>%s</FailoverIPAddress>
  <IsEnabled>True</IsEnabled>\n</failover>\n' "$LAB_SHARE/Service" "$LAB_FLOATING" >"$etc/failoverConfig.xml"
}
# Postfix's own tools end with an error where inet_interfaces names an address that is not there.
bind_to() { # ADDRESS: of both servers; *: all
    local host
    for host in "${LAB_SERVERS[@]}"; do
        sed -i -E "s/^\\S*smtp(\\s+inet)/${1/\*/0.0.0.0}:smtp\\1/" "$LAB_DIR/$host/etc/postfix/master.cf"
        sed -i "s/^listen = .*/listen = $1/" "$LAB_DIR/$host/etc/dovecot/dovecot.conf"
    done
}
restart() { lab_ssh server01 'systemctl stop smartermail.service; systemctl start smartermail.service'; }

lab_up || die "the lab could not be made"
for host in "${LAB_SERVERS[@]}"; do
    install_systemctl "$host"
    service_files "$host"
    lab_boot "$host" || die "$host does not start"
done
bind_to "$LAB_FLOATING"
lab_on server01 ip address add "$LAB_FLOATING/$LAB_PREFIX_LEN" dev $LAB_INTERFACE
lab_ssh server01 systemctl start smartermail.service
mkdir -p "$LAB_DIR/share/Service"
printf '<d><domain path="%s/Domains/d.test"/></d>\n' "$LAB_SHARE" >"$LAB_DIR/share/Service/domainlist.xml"
lab_baton_configure || die "no configuration could be written"
sed -i 's,<policy file,<readiness every="8s"/><policy file,' "$LAB_DIR/monitor/baton.xml"
mkdir -p "$LAB_DIR/monitor/state" "$LAB_DIR/monitor/hooks/unready.d" "$LAB_DIR/monitor/hooks/ready.d"
for event in unready ready; do
    # shellcheck disable=SC2016  # the hook's own
    printf '#!/bin/sh\necho "%s $BATON_NODE: $BATON_WHY" >>%q\n' $event "$LAB_DIR/monitor/told" \
        >"$LAB_DIR/monitor/hooks/$event.d/10-tell"
    chmod 755 "$LAB_DIR/monitor/hooks/$event.d/10-tell"
done

baton_on_monitor() { # COMMAND ARG…
    ip netns exec "$(lab_ns monitor)" timeout 120 "$build/tools/baton/baton" "$1" $LAB_GROUP \
        --config "$LAB_DIR/monitor/baton.xml" "${@:2}"
}
look() {
    baton_on_monitor preflight --json >"$LAB_DIR/result.json" 2>"$LAB_DIR/error"
    echo "ended with $?" >>"$LAB_DIR/error"
}
is() { # OUTCOME NAME NODE [DETAIL]: NODE "": of the group
    local node='null' found
    [ -z "$3" ] || node="\"$3\""
    found=$(jq -r --arg name "$2" --argjson node "$node" '.groups[0].checks[] |
        select(.name == $name and .node == $node) | "\(.outcome): \(.detail) \(.advice // "")"' "$LAB_DIR/result.json")
    [[ $found == "$1: "*"${4:-}"* ]] || { echo "$2 on $3 is '$found', not $1: ${4:-}"; cat "$LAB_DIR/error"; return 1; }
}
red() { # NAME NODE DETAIL: so, and with advice
    is fail "$@" && jq -e --arg name "$1" 'any(.groups[0].checks[]; .name == $name and .outcome == "fail" and
        (.advice // "") != "")' "$LAB_DIR/result.json"
}

find "$LAB_DIR/share" "$LAB_DIR"/server0[12]/own -type f -exec sha256sum {} + | sort >"$LAB_DIR/before"
look
for name in reached clock share autostart interface failover-config ports; do
    ok "$name on server01" is ok $name server01
    ok "$name on server02" is ok $name server02
done
for name in servers addresses share-same fence failover-same paths licence; do
    ok "$name" is ok $name ""
done
ok "nothing was explored yet" is unknown explored "" "never"
ok "and nothing drilled" is unknown drill "" "no planned move"
ok "so it ends with 1" grep -q "ended with 1" "$LAB_DIR/error"
ok "no byte was changed" diff "$LAB_DIR/before" \
    <(find "$LAB_DIR/share" "$LAB_DIR"/server0[12]/own -type f -exec sha256sum {} + | sort)

# ---- As it should not be --------------------------------------------------------------------

sed -i 's/True/False/' "$LAB_DIR/server02/own/etc/smartermail/failoverConfig.xml"
sed -i "s,path=\"$LAB_SHARE,path=\"$MAIL," "$LAB_DIR/share/Service/domainlist.xml"
touch "$LAB_DIR/server02/etc/ssh/starts-by-itself"
bind_to '*'
restart
look
ok "a setting is wrong" red failover-config server02 "IsEnabled False → True"
ok "the other's is right" is ok failover-config server01
ok "they differ" red failover-same "" "not as on server01: server02"
ok "an old path is left" red paths "" "domainlist.xml 1"
ok "it starts by itself" red autostart server02 enabled
ok "it listens on all addresses" red ports server01 "0.0.0.0:25"
ok "server02 is stopped" is ok ports server02 stopped

printf '<d><domain path="/oldstore/OLD mail/x"/></d>\n' >"$LAB_DIR/share/Service/domainlist.xml"
rm "$LAB_DIR/server02/own/etc/smartermail/failoverConfig.xml"
bind_to "$LAB_FLOATING"
restart
lab_on server01 doveadm stop
no_imap() { ! lab_on server01 ss -Hltn | grep -q ':143 '; }
ok "IMAP ends" wait_for 20 no_imap
lab_on server02 umount $LAB_SHARE
look
ok "a further old prefix" red paths "" "domainlist.xml 1"
ok "no failoverConfig.xml" red failover-config server02 "is not there"
ok "a port is not bound" red ports server01 "not bound to $LAB_FLOATING: 143"
ok "the share is not mounted" red share server02 "not mounted"
ok "it is not the same" red share-same "" "is not there on server02"

rm -r "$LAB_DIR/share/Service"
sed -i -e 's/interface="[^"]*"/interface="none0"/' -e 's/2099-12-31/2020-01-01/' -e "/name=\"unconfirmed\"/d" \
    -e 's,<set name="every",<set name="order" value="service-first"/>&,' "$LAB_DIR/monitor/baton.xml"
lab_power_off server02 >/dev/null
look
ok "no system files on the share" red paths "" "no system files"
ok "no such interface" red interface server01 "none0 is not there"
ok "it could not bind before its address is there" red nonlocal-bind server01 "ip_nonlocal_bind = 0"
ok "the licence is over" red licence "" "2020-01-01"
ok "without a fence it says what happens" is ok fence "" "hold"
ok "server02 is off" red reached server02 ""
ok "and unknown otherwise" is unknown autostart server02
baton_on_monitor preflight >"$LAB_DIR/text"
ok "what follows from that is said once" [ "$(grep -c 'server02: ' "$LAB_DIR/text")" -le 3 ]

# ---- All the time ------------------------------------------------------------------------------

for host in "${LAB_SERVERS[@]}"; do service_files "$host"; done
mkdir -p "$LAB_DIR/share/Service"
printf '<d><domain path="%s/Domains/d.test"/></d>\n' "$LAB_SHARE" >"$LAB_DIR/share/Service/domainlist.xml"
rm -f "$LAB_DIR/server02/etc/ssh/starts-by-itself"
lab_boot server02 || die "server02 does not start"
lab_on server01 dovecot
lab_baton_configure
sed -i 's,<policy file,<readiness every="8s"/><policy file,' "$LAB_DIR/monitor/baton.xml"
(cd "$LAB_DIR" && "$build/tools/baton/baton" explore monitor/baton.xml --faults 1 --seeds 5 >"$LAB_DIR/explored" 2>&1)
lab_baton_start
ready() { lab_baton status $LAB_GROUP --json | jq -e ".groups[0].readiness | ($1)"; }
ok "server01 is adopted" lab_wait_holder server01 30
ok "each check is made" wait_for 60 ready '[.checks[].since] | all'
ok "only the drill is missing" ready '[.checks[] | select(.outcome != "ok") | .name] == ["drill"] and (.ok | not)'
ok "status has a line of it" grep -q "not known to be ready  2. of 2. checks are so; a planned move was tried not long ago: no planned" \
    <(lab_baton status)
ok "a move there" timeout 60 ip netns exec "$(lab_ns monitor)" "$build/tools/baton/baton" failover \
    --socket "$LAB_DIR/monitor/control.sock" $LAB_GROUP --wait
ok "and back" timeout 60 ip netns exec "$(lab_ns monitor)" "$build/tools/baton/baton" failback \
    --socket "$LAB_DIR/monitor/control.sock" $LAB_GROUP --wait
ok "was a drill: all is so" wait_for 60 ready '.ok'
ok "status says so" grep -qE "  ready  2[0-9] of 2[0-9] checks are so$" <(lab_baton status)
ok "and preflight" baton_on_monitor preflight
ok "its hook ran" wait_for 20 grep -q "^ready" "$LAB_DIR/monitor/told"

echo "<!-- -->" >>"$LAB_DIR/server02/own/etc/smartermail/failoverConfig.xml"
ok "a file that differs is seen" wait_for 60 grep -q "^unready.*failoverConfig.xml is the same on all servers" "$LAB_DIR/monitor/told"
ok "it is in the history" grep -q "failoverConfig.xml is the same on all servers: no: not as on server01: server02" \
    <(lab_baton history $LAB_GROUP)
ok "status names it" grep -q "NOT READY .*not as on server01: server02, for .* See baton preflight mail" <(lab_baton status)
ok "nothing was moved by it" lab_wait_holder server01 5
service_files server02
ok "and that it is so again" wait_for 60 ready '.ok'

# ---- The servers --------------------------------------------------------------------------------

baton_on_monitor cluster --socket "$LAB_DIR/monitor/control.sock" >"$LAB_DIR/cluster"
ok "the servers" grep -qE "^server01 +$(lab_address server01) +1 +Active, holds the baton +yes +runs" "$LAB_DIR/cluster"
ok "both" grep -qE "^server02 +$(lab_address server02) +2 +Standby +no +stopped" "$LAB_DIR/cluster"

# ---- The page -----------------------------------------------------------------------------------

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [ -n "$chromium" ]; then
    baton_on_monitor preflight --html "$LAB_DIR/page.html" >"$LAB_DIR/said"
    timeout -k 5 90 "$chromium" --headless --no-sandbox --disable-gpu --no-first-run --disable-sync \
        --disable-background-networking --disable-component-update --disable-dev-shm-usage --no-proxy-server \
        --host-resolver-rules='MAP * ~NOTFOUND' --enable-logging=stderr --user-data-dir="$LAB_DIR/profile" \
        --log-net-log="$LAB_DIR/net.json" --dump-dom "file://$LAB_DIR/page.html" >"$LAB_DIR/dom" 2>"$LAB_DIR/chromium.log"
    ok "the page is read to its end" grep -q '</html>' "$LAB_DIR/dom"
    ok "its console says nothing" bash -c '! grep -a ":CONSOLE:" "$0"' "$LAB_DIR/chromium.log"
    ok "it asks for nothing" bash -c '! grep -a "\"network_isolation_key\":\"file://" "$0" | grep -q http' "$LAB_DIR/net.json"
    ok "it says that all is so" grep -q '✓ ready' "$LAB_DIR/dom"
    rm -rf "$LAB_DIR/profile"
fi
lab_baton_stop

echo "$passed passed, $failed failed"
exit $((failed > 0))
