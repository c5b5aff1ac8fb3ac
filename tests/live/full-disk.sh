#!/bin/bash
# A full disk under the real daemon's journal: the failover that would be due is not begun,
# the service is not touched, the reason is in status and log; when there is room again it
# goes on by itself and no record is missing.
#
# The state lies on a small tmpfs, which needs root.
#
#   full-disk.sh BUILD_DIRECTORY
set -u

build=$(cd "$1" && pwd) || exit 2
if [ "$(id -u)" -ne 0 ] || [ -n "${BATON_TEST_UNPRIVILEGED:-}" ]; then
    echo "skipped: mounting a small file system needs root"
    exit 77
fi
# In a mount namespace of its own: nothing is left mounted, whatever happens.
if [ -z "${BATON_FULL_DISK:-}" ]; then
    if ! unshare --mount --propagation private true 2>/dev/null; then
        echo "skipped: no mount namespace can be made here (a plain chroot or a container?)"
        exit 77
    fi
    BATON_FULL_DISK=1 exec unshare --mount --propagation private "$0" "$@"
fi
# shellcheck source=tests/live/files-lab
. "$(dirname "$0")/files-lab"

fresh_nodes
mkdir -m 700 "$work/state"
mount -t tmpfs -o size=1m,mode=700 tmpfs "$work/state" || fail "no tmpfs"
mounted=$work/state
start_daemon first.log
wait_for 20 holder_is server01 || fail "server01 is not adopted"

dd if=/dev/zero of="$work/state/ballast" bs=4k 2>/dev/null
rm -f "$work/nodes/server01.ok"
wait_for 20 held_by journal || fail "no hold for the journal"
sed -n 's/.*event=journal text="\(.*\)"/\1/p' "$work/first.log" | head -n 1
grep -q 'event=journal .*\(full\|No space\|no space\)' "$work/first.log" || fail "the log does not say why"
[ -e "$work/nodes/server01.up" ] || fail "the service was touched"
[ "$(serving)" = 1 ] || fail "not one node serves"

rm "$work/state/ballast"
wait_for 20 holder_is server02 || fail "it does not go on when there is room"
check_history
jq -e '(if type == "array" then . else .rows end)
    | any(.[]; .kind == "hold" and .name == "journal")' "$work/history.json" >/dev/null ||
    fail "the hold is not in the history"
echo "1 passed, 0 failed"
