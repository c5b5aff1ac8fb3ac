#!/bin/bash
# The demo, as a test: real mail servers, two kills, two failbacks, no accepted mail lost.
# It fails where a move does not happen or a mail is missing; its times are no verdict.
#
#   demo.sh BUILD_DIRECTORY    (not used: the demo has its own build)
set -u

if [ "$(id -u)" -ne 0 ] || [ -n "${BATON_TEST_UNPRIVILEGED:-}" ]; then
    echo "skipped: network namespaces need root"
    exit 77
fi
if ! unshare --net --mount --uts --ipc --pid --fork true 2>/dev/null; then
    echo "skipped: no namespaces can be made here (a container, or a chroot into a plain folder?)"
    exit 77
fi
exec "$(dirname "$0")/../../tools/demo" </dev/null
