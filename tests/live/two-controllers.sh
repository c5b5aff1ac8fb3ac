#!/bin/bash
# Two controllers with copies of one state, as after a backup was restored on another machine: the
# nodes remember who granted last, and the one that does not know of it holds and touches nothing.
#
#   two-controllers.sh BUILD_DIRECTORY
set -u

build=$(cd "$1" && pwd) || exit 2
command -v jq >/dev/null || { echo "skipped: jq is not installed" && exit 77; }
# shellcheck source=tests/live/files-lab
. "$(dirname "$0")/files-lab"
second='' passed=0

stop_second() {
    if [ -n "$second" ]; then
        kill -9 "$second" 2>/dev/null
        second=''
    fi
}
trap 'stop_second; clean_up' EXIT

# Of the two nodes only server02 can be asked for its mark: it is this machine.
configure() {
    fresh_nodes
    rm -rf "$work/state" "$work/state2" "$work/marks"
    sed -i "/server02/s,<ssh/>,<local/>,; s,<group name=\"files\">,&<marks directory=\"$work/marks\"/>," "$work/baton.xml"
    sed "s,$work/state\",$work/state2\",; s,$work/control.sock,$work/control2.sock," "$work/baton.xml" >"$work/second.xml"
    chmod go-w "$work/second.xml"
}

start_second() { # LOG
    "$build/core/daemon/batond" --config "$work/second.xml" 2>"$work/$1" &
    second=$!
    disown
}

second_says() {
    BATON_SOCKET=$work/control2.sock "$build/tools/baton/baton" "$@" 2>/dev/null
}

second_held_by() {
    second_says status --json | jq -e --arg name "$1" '.groups[0].hold.name == $name' >/dev/null
}

second_has() { # HOLDER
    [ "$(serving)" = 1 ] && second_says status --json | jq -e --arg node "$1" '
        .groups[0] | .holder == $node and (.nodes[] | select(.name == $node) | .state == "Active")' >/dev/null
}

one_holds() { held_by epoch || second_held_by epoch; }
one_serves() { [ "$(serving)" = 1 ]; }

# ---- A backup of before the last move is restored beside the controller that made it

configure
start_daemon first.log
wait_for 20 holder_is server01 || fail "server01 is not adopted"
stop_daemon
cp -R "$work/state" "$work/state2"
start_daemon first-again.log
wait_for 20 holder_is server01 || fail "server01 is not adopted again"
ask failover files --to server02 --wait >/dev/null || fail "no move"
start_second second.log
wait_for 20 second_held_by epoch || fail "the old copy does not hold"
holder_is server02 || fail "the old copy touched what serves"
grep -q 'was given epoch 2 by another controller, and this one is at 1' "$work/second.log" ||
    fail "the log does not say why"
passed=$((passed + 1))

# ---- An operator says that it is the right one after all: now the other one is the old one

second_says resume files --reason "the first machine is retired" >/dev/null || fail "no resume"
wait_for 20 second_has server02 || fail "the second does not adopt what serves"
wait_for 60 held_by epoch || fail "the first does not notice"
second_has server02 || fail "the first touched what serves"
passed=$((passed + 1))
stop_second
stop_daemon

# ---- Both run from the same copy, and both see the holder fail

configure
start_daemon first.log
wait_for 20 holder_is server01 || fail "server01 is not adopted"
stop_daemon
cp -R "$work/state" "$work/state2"
start_daemon first-again.log
start_second second.log
wait_for 20 holder_is server01 || fail "the first does not adopt server01"
wait_for 20 second_has server01 || fail "the second does not adopt server01"
rm -f "$work/nodes/server01.ok"
wait_for 60 one_holds || fail "neither of the two holds"
wait_for 60 one_serves || fail "nobody serves, or both do"
passed=$((passed + 1))
echo "$passed passed, 0 failed"
