#!/bin/bash
# A fence that is a real one: ipmitool against OpenIPMI's simulator of a management controller.
# The holder can't be asked any more; the first level fails, the second switches its power off
# and sees that, and the standby takes over. With a wrong password nothing is started.
#
#   fence-ipmi.sh BUILD_DIRECTORY
set -u

build=$(cd "$1" && pwd) || exit 2
for program in ipmitool ipmi_sim jq; do
    if ! command -v $program >/dev/null; then
        echo "skipped: $program is not installed"
        exit 77
    fi
done
# shellcheck source=tests/live/files-lab
. "$(dirname "$0")/files-lab"
bmc=

end_bmc() {
    [ -z "$bmc" ] || kill -9 "$bmc" 2>/dev/null
    bmc=
}
trap 'end_bmc; clean_up' EXIT

# The management controller of server01, on a port that nobody else has.
start_bmc() {
    local port
    mkdir -p "$work/bmc"
    cat >"$work/bmc/chassis" <<'SH'
#!/bin/sh
here=$(dirname "$0")
shift
case $1 in
get) [ -e "$here/off" ] && echo power:0 || echo power:1 ;;
set)
    shift
    [ "$1" != power ] || { [ "$2" = 0 ] && touch "$here/off" && rm -f "$here/../nodes/server01.up"; } ;;
esac
exit 0
SH
    chmod +x "$work/bmc/chassis"
    cat >"$work/bmc/commands" <<'END'
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
mc_enable 0x20
END
    printf right >"$work/bmc/password"
    printf wrong >"$work/bmc/other"
    for port in $(shuf -i 20000-29999 -n 10); do
        cat >"$work/bmc/lan.conf" <<END
name "bmc"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 $port
    priv_limit admin
    allowed_auths_admin md5
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "$work/bmc/chassis 0x20"
  user 2 true "baton" "right" admin 10 md5
END
        ipmi_sim -n -c "$work/bmc/lan.conf" -f "$work/bmc/commands" -s "$work/bmc" >"$work/bmc.log" 2>&1 &
        bmc=$!
        disown
        if wait_for 10 power_is on "$port"; then
            ipmi_port=$port
            return 0
        fi
        end_bmc
    done
    return 1
}

power_is() { # on|off PORT
    ipmitool -I lanplus -N 1 -R 1 -H 127.0.0.1 -p "$2" -U baton -f "$work/bmc/password" chassis power status 2>/dev/null |
        grep -q "is $1"
}

configure() { # PASSWORD_FILE
    fresh_nodes
    rm -rf "$work/state" "$work/bmc/off"
    sed -i "s#<policy .*#<policy file=\"$here/fence.lua\"><set name=\"directory\" value=\"$work/nodes\"/>\
<set name=\"ipmi_port\" value=\"$ipmi_port\"/><set name=\"ipmi_password_file\" value=\"$work/bmc/$1\"/></policy>#" \
        "$work/baton.xml"
}

# server01 serves, falls ill, and can't be asked any more.
lose_holder() { # LOG
    start_daemon "$1"
    wait_for 20 holder_is server01 || fail "server01 is not adopted"
    touch "$work/nodes/server01.lost"
    rm -f "$work/nodes/server01.ok"
}

fence_ended() { # OUTCOME LOG
    ask history --json --limit 500 | jq -e --arg outcome "$1" '(if type == "array" then . else .rows end)
        | any(.[]; .kind == "step-end" and (.name | test("IPMI")) and .outcome == $outcome)' >/dev/null
}

chmod go-w "$here/fence.lua"
mkdir -p "$work/bmc"
start_bmc || fail "ipmi_sim does not start"

configure other
lose_holder wrong.log
wait_for 60 held_by unconfirmed || fail "no hold though the fence can't work"
fence_ended fail || fail "the history does not say that the fence failed"
[ ! -e "$work/nodes/server02.up" ] || fail "server02 was started beside a holder that may serve"
stop_daemon

configure password
lose_holder right.log
wait_for 60 holder_is server02 || fail "server02 did not take over"
power_is off "$ipmi_port" || fail "the power is not off"
fence_ended ok || fail "the history does not say that the fence worked"
check_history
echo "2 passed, 0 failed"
