#!/bin/bash
# Kill the real daemon at each of its journal writes, from its start through a whole
# failover, start it again, and see that exactly one node serves in the end, that epochs
# only rise and that the history has no gap.
#
# strace sends SIGKILL at the N-th fsync or fdatasync, for N = 1, 2, … until a run gets
# through. Needs no root and no network.
#
#   kill-daemon.sh BUILD_DIRECTORY [STEP]    every STEP-th write only; default 1
set -u

build=$(cd "$1" && pwd) || exit 2
step=${2:-1}
# shellcheck source=tests/live/files-lab
. "$(dirname "$0")/files-lab"

# shellcheck disable=SC2317 # called by wait_for
up_or_gone() {
    gone || [ -S "$work/control.sock" ]
}

# shellcheck disable=SC2317
gone_or_on() {
    gone || holder_is "$1"
}

n=0
runs=0
while :; do
    n=$((n + step))
    rm -rf "$work/state" "$work/control.sock"
    fresh_nodes
    start_daemon first.log strace -D -f -qq -o /dev/null -e trace=fsync,fdatasync \
        -e inject=fsync,fdatasync:signal=KILL:when="$n"
    wait_for 20 up_or_gone || fail "kill at write $n: neither up nor killed"
    wait_for 20 gone_or_on server01 || fail "kill at write $n: neither killed nor adopted"
    rm -f "$work/nodes/server01.ok"
    wait_for 20 gone_or_on server02 || fail "kill at write $n: neither killed nor moved"
    [ "$(serving)" -le 1 ] || fail "kill at write $n: two nodes serve"
    killed=no
    if gone; then
        killed=yes
        start_daemon second.log
        wait_for 20 holder_is server02 ||
            fail "kill at write $n: server02 does not serve after the restart"
    fi
    check_history
    stop_daemon
    runs=$((runs + 1))
    [ $killed = yes ] || break
    [ "$runs" -lt 500 ] || fail "it never gets through"
done
[ "$runs" -gt 5 ] || fail "only $((runs - 1)) writes were seen: is strace of use here?"
echo "killed at $((runs - 1)) journal writes, each time one node served in the end"
