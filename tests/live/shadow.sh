#!/bin/bash
# batond --shadow beside two real mail servers that something else looks after: the mail
# service of the first is killed, batond says what it would do, and nothing changes on the
# nodes; then the address is moved by hand, and it follows.
#
#   shadow.sh BUILD_DIRECTORY
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
LAB_SOCKET=control.sock.shadow

trap 'lab_down' EXIT
trap 'exit 130' INT TERM

fail() {
    echo "$*" >&2
    tail -n 30 "$LAB_DIR/monitor/batond.log" | cut -c1-300 >&2
    exit 1
}

# What a move would change: addresses, and which Postfix and Dovecot run. Their workers come
# and go with the probes.
nodes_now() {
    local host pid exe
    for host in "${LAB_SERVERS[@]}"; do
        echo "$host"
        lab_on "$host" ip -o address show dev $LAB_INTERFACE | awk '{ print $4 }'
        lab_mail_pids "$host" | sort -n | while read -r pid; do
            exe=$(readlink "/proc/$pid/exe")
            case $exe in */master | */sbin/dovecot) echo "$pid $exe" ;; esac
        done
    done
}

says() { # PATTERN COMMAND…
    local pattern=$1
    shift
    lab_baton "$@" 2>/dev/null | grep -q -- "$pattern"
}

wait_until() { # SECONDS COMMAND…
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

address() { # add|del HOST: by the hand that is in charge
    lab_on "$2" ip address "$1" "$LAB_FLOATING/$LAB_PREFIX_LEN" dev $LAB_INTERFACE ||
        fail "could not $1 the address on $2"
}

lab_up || fail "the lab could not be made"
for host in "${LAB_SERVERS[@]}"; do
    lab_boot "$host" || fail "$host does not start"
    lab_mail_start "$host" >"$LAB_DIR/$host/log/start.log" 2>&1 || fail "no mail service on $host"
done
address add server01
lab_baton_configure || fail "no configuration could be written"
lab_baton_start --shadow || exit 1
lab_wait_holder server01 20 || fail "it does not see that server01 serves"
lab_wait_state server02 Standby 20 || fail "server02 is no standby to it"
says 'SHADOW' status || fail "the status does not say that it is a shadow"

lab_mail_kill server01 || fail "could not kill the mail service"
before=$(nodes_now)
wait_until 20 says 'would have failed over from server01 to server02' history ||
    fail "it does not say that it would have failed over"
says 'takes no action; .* ago it would have' status || fail "the status does not say what it would do"
sleep 3 # what is not done is not done later either
[ "$before" = "$(nodes_now)" ] || fail "something changed on the nodes:
$before
and now
$(nodes_now)"
if lab_baton failover mail --to server02 2>/dev/null; then
    fail "it takes an operator's command"
fi

address del server01
address add server02
lab_wait_holder server02 20 || fail "it does not follow to server02"
says 'something else moved it' history || fail "the history does not say why"
! says rogue history || fail "it calls who serves a rogue"
lab_baton_stop || fail "batond did not end well"
echo "1 passed, 0 failed"
