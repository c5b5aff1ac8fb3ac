#!/bin/bash
# A real batond with policies/smartermail-linux.lua and two real servers: OpenSSH, a floating
# address, a mounted share, SMTP and IMAP. The unit is a stand-in: lab-smartermail.
#
#   smartermail-linux.sh BUILD_DIRECTORY
set -u
export LC_ALL=C

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
LAB_PARAMS=(every=0.2 timeout=0.5 fall=2 rise=2 restarts=0 failback=false settle=1 share_every=1
    deadline=3 restart_deadline=15 look_deadline=1 max_moves=20 unconfirmed=fence
    submission_port=0 pop3_port=0 web_port=0)
passed=0 failed=0
trap 'lab_down' EXIT
trap 'exit 130' INT TERM

die() {
    echo "$*" >&2
    exit 1
}

ok() { # WHAT COMMAND…
    local what=$1
    shift
    if "$@" >"$LAB_DIR/said" 2>&1; then
        passed=$((passed + 1))
        return
    fi
    failed=$((failed + 1))
    printf 'FAILED: %s\n' "$what"
    tail -n 10 "$LAB_DIR/said"
    tail -n 20 "$LAB_DIR/monitor/batond.log" | cut -c1-300
}

wait_for() { # SECONDS COMMAND…
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

has_address() { lab_on "$1" ip -o address show dev $LAB_INTERFACE | grep -q "$LAB_FLOATING/"; }
all_are() { lab_baton_state 2>/dev/null | grep -qx "$1"; }
serves() { # HOST: alone
    local host
    for host in "${LAB_SERVERS[@]}"; do
        if [ "$host" = "$1" ]; then
            has_address "$host" && lab_on "$host" postfix status || return 1
        elif has_address "$host" || lab_on "$host" postfix status; then
            return 1
        fi
    done
}

lab_up || die "the lab could not be made"
for host in "${LAB_SERVERS[@]}"; do
    install_systemctl "$host"
    lab_boot "$host" || die "$host does not start"
done
lab_ssh server01 systemctl start smartermail.service >/dev/null 2>&1
lab_on server01 ip address add "$LAB_FLOATING/$LAB_PREFIX_LEN" dev $LAB_INTERFACE
orders server01 >/dev/null

lab_baton_configure || die "no configuration could be written"
lab_baton_start || die "batond does not start"
ok "what runs is adopted" lab_wait_holder server01
ok "both are known" wait_for 15 all_are "server01 quiet server01=Active server02=Standby"
ok "server01 gets no order" orders_are server01 ""
ok "server02 gets no order" orders_are server02 ""

ok "a planned move" timeout 60 "$build/tools/baton/baton" failover --socket \
    "$LAB_DIR/monitor/control.sock" $LAB_GROUP --to server02 --wait
ok "server02 alone serves" serves server02
ok "server01's unit was stopped" orders_are server01 stop
ok "server02's was started" orders_are server02 start
ok "server02 is Active" lab_wait_holder server02

lab_mail_kill server02
ok "the service of server02 dies: server01 takes over" lab_wait_holder server01
ok "server01 alone serves" serves server01

# The probe of the share is for the server, not for the service: it moves where the share is.
ok "server02 can take over" wait_for 30 all_are "server01 quiet server01=Active server02=Standby"
lab_on server01 umount -l $LAB_SHARE
ok "the share of server01 is gone: server02 takes over" lab_wait_holder server02
ok "server02 alone serves again" serves server02
ok "no probe that failed while a service was started counts against it" bash -c \
    "! grep 'Active → Degraded: floating failed' '$LAB_DIR/monitor/batond.log'"
lab_on server01 mount --bind "$LAB_DIR/share" $LAB_SHARE || true

ok "server01 can take over" wait_for 30 all_are "server02 quiet server01=Standby server02=Active"
lab_power_off server02 >/dev/null
ok "server02 loses power: server01 takes over, after the fence" lab_wait_holder server01 60
ok "and serves" has_address server01

ok "batond ends" lab_baton_stop
ok "the service runs on" lab_on server01 postfix status
echo "$passed passed, $failed failed"
exit $((failed > 0))
