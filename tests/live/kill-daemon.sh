#!/bin/bash
# Kill the real daemon at each of its journal writes, from its start through a whole
# failover, start it again, and see that exactly one node serves in the end, that epochs
# only rise and that the history has no gap.
#
# strace sends SIGKILL at the N-th fsync or fdatasync, for N = 1, 2, … until a run gets
# through. Nodes are local and their services are files (files.lua), so this needs no
# root and no network.
#
#   kill-daemon.sh BUILD_DIRECTORY [STEP]    every STEP-th write only; default 1
set -u

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd) || exit 2
step=${2:-1}
work=$(mktemp -d "${TMPDIR:-/tmp}/baton-kill.XXXXXX") || exit 2
daemon=

stop_daemon() {
    if [ -n "$daemon" ]; then
        kill -9 "$daemon" 2>/dev/null
        wait_for 5 gone
        daemon=
    fi
}

# shellcheck disable=SC2317 # called by the trap
clean_up() {
    stop_daemon
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

fail() {
    echo "kill at write $n: $*" >&2
    tail -n 40 "$work"/*.log >&2
    exit 1
}

configure() {
    cat >"$work/baton.xml" <<XML
<baton>
  <state directory="$work/state"/>
  <control socket="$work/control.sock"/>
  <lua directory="$here/../../lua"/>
  <hooks directory="$work/hooks"/>
  <group name="files">
    <policy file="$here/files.lua"><set name="directory" value="$work/nodes"/></policy>
    <node name="server01" address="127.0.0.1" priority="1"><ssh/></node>
    <node name="server02" address="127.0.0.2" priority="2"><ssh/></node>
  </group>
</baton>
XML
}

ask() {
    BATON_SOCKET=$work/control.sock "$build/tools/baton/baton" "$@" 2>/dev/null
}

# holder_is NODE: it holds the baton, is Active, and its file alone is there.
holder_is() {
    [ -e "$work/nodes/$1.up" ] &&
        [ "$(find "$work/nodes" -name "*.up" | wc -l)" = 1 ] &&
        ask status --json | jq -e --arg node "$1" '
            .groups[0] | .holder == $node and
            (.nodes[] | select(.name == $node) | .state == "Active")' >/dev/null
}

wait_for() { # SECONDS COMMAND…
    local tries=$(($1 * 20))
    shift
    while [ "$tries" -gt 0 ]; do
        "$@" && return 0
        tries=$((tries - 1))
        sleep 0.05
    done
    return 1
}

gone() {
    ! kill -0 "$daemon" 2>/dev/null
}

gone_or_on_server01() {
    gone || holder_is server01
}

gone_or_on_server02() {
    gone || holder_is server02
}

check_history() {
    ask history --json --limit 5000 >"$work/history.json" || fail "no history"
    jq -e '
        (if type == "array" then . else .rows end) as $rows
        | [$rows[] | select(.kind == "grant") | .epoch] as $epochs
        | ($epochs == ($epochs | unique))
          and ([$rows[].id] as $ids | $ids == ($ids | sort))' "$work/history.json" >/dev/null ||
        fail "the history has a gap or an epoch that does not rise"
}

n=0
runs=0
while :; do
    n=$((n + step))
    rm -rf "$work/state" "$work/nodes" "$work"/*.log
    mkdir -p "$work/nodes" "$work/hooks"
    touch "$work/nodes/server01.ok" "$work/nodes/server02.ok" "$work/nodes/server01.up"
    configure
    strace -D -f -qq -o /dev/null -e trace=fsync,fdatasync \
        -e inject=fsync,fdatasync:signal=KILL:when="$n" \
        "$build/core/daemon/batond" --config "$work/baton.xml" 2>"$work/first.log" &
    daemon=$!
    disown # its violent end is no news
    wait_for 20 sh -c "kill -0 $daemon 2>/dev/null && [ -S '$work/control.sock' ] || ! kill -0 $daemon 2>/dev/null"
    if ! gone && wait_for 20 gone_or_on_server01; then
        rm -f "$work/nodes/server01.ok"
        wait_for 20 gone_or_on_server02 || fail "neither killed nor moved"
    fi
    if gone; then
        killed=1
    else
        killed=0
    fi
    [ "$(find "$work/nodes" -name "*.up" | wc -l)" -le 1 ] || fail "two nodes serve"
    if [ "$killed" = 1 ]; then
        rm -f "$work/nodes/server01.ok"
        "$build/core/daemon/batond" --config "$work/baton.xml" 2>"$work/second.log" &
        daemon=$!
        disown
        wait_for 20 holder_is server02 || fail "server02 does not serve after the restart"
    fi
    check_history
    stop_daemon
    runs=$((runs + 1))
    [ "$killed" = 1 ] || break
    [ "$runs" -lt 500 ] || fail "it never gets through"
done
echo "killed at $((runs - 1)) journal writes, each time one node served in the end"
