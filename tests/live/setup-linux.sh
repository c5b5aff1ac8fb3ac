#!/bin/bash
# `baton init` and `baton migrate` of policies/smartermail-linux.lua on two real servers: OpenSSH, rsync,
# a floating address, a mounted share. The unit is a stand-in (lab-smartermail); the files are as
# SmarterMail's: a mark, CRLF and comments, JSON, domains.
#
#   setup-linux.sh BUILD_DIRECTORY
set -u
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" LC_ALL=C.UTF-8

build=$(cd "$1" && pwd) || exit 2
if [ "$(id -u)" -ne 0 ] || [ -n "${BATON_TEST_UNPRIVILEGED:-}" ]; then
    echo "skipped: network namespaces need root"
    exit 77
fi
if ! unshare --net --mount --uts --ipc --pid --fork true 2>/dev/null; then
    echo "skipped: no namespaces can be made here (a container, or a chroot into a plain folder?)"
    exit 77
fi
for program in postfix dovecot sshd jq ip rsync script; do
    command -v $program >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
done

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
# shellcheck disable=SC2034  # for lab-baton
LAB_PARAMS=(restart_deadline=15 submission_port=0 pop3_port=0 web_port=0
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
not() { ! "$@"; }
says() { grep -qF -- "$1" "$LAB_DIR/last" || { cat "$LAB_DIR/last" && false; }; }
die() {
    echo "$*" >&2
    exit 1
}

# ---- Servers as they are before -----------------------------------------------------------------

domainlist() { # MAIL_FOLDER: CRLF, a mark, and a comment that stays
    printf '\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\r\n<!-- %s/Domains is old -->\r\n<domains>\r\n' "$MAIL"
    printf '  <domain name="d%s.test" path="'"$1"'/Domains/d%s.test"/>\r\n' 1 1 2 2 3 3
    printf '</domains>\r\n'
}

fill() { # HOST
    local own=$LAB_DIR/$1/own i
    local etc=$own/etc/smartermail mail=$own/smartermail
    rm -rf "$own" && mkdir -p "$etc/Settings" "$mail/Domains/my domain.test/Users" "$mail/Spool"
    domainlist "$MAIL" >"$etc/domainlist.xml"
    printf '<config>\n  <spool>/OLDSTORE/old mail/Spool</spool>\n  <other>/oldstore/old mail2</other>\n</config>\n' \
        >"$etc/mailconfig.xml"
    printf '{"domains": [{"data_path": "%s\\/Domains\\/my domain.test"}], "n": 1.50}\n' "${MAIL//\//\\/}" \
        >"$etc/Settings/domains.json"
    printf 'binary \001\377 %s' "$MAIL" >"$etc/users.DAT"
    printf 'a program' >"$etc/mailservice.exe"
    printf '<failover>\r\n  <!-- as installed -->\r\n  <IsEnabled>False</IsEnabled>\r\n</failover>\r\n' \
        >"$etc/failoverConfig.xml"
    for i in $(seq 50); do
        echo "mail $i" >"$mail/Domains/my domain.test/Users/-'\$(touch x);\"\\$i"
    done
    echo "mail" >"$mail/Domains/my domain.test/Users/"$'two\nlines'
    head -c 3000000 /dev/zero >"$mail/Domains/big.grp"
    echo waits >"$mail/Spool/1.eml"
    chown -R 5000:5000 "$mail" "$etc"
    chmod 750 "$etc"
}

fresh() { # all as it was before: server01 serves
    local host
    for host in "${LAB_SERVERS[@]}"; do
        [ -z "$(ip netns pids "$(lab_ns "$host")")" ] || lab_power_off "$host" >/dev/null
    done
    rm -rf "$LAB_DIR/monitor/state"
    find "$LAB_DIR/share" -mindepth 1 -delete
    for host in "${LAB_SERVERS[@]}"; do
        fill "$host"
        lab_boot "$host" || die "$host does not start"
    done
    lab_ssh server01 systemctl start smartermail.service
    lab_on server01 ip address add "$LAB_FLOATING/$LAB_PREFIX_LEN" dev $LAB_INTERFACE
    orders server01 >/dev/null
}

# Every file of both servers and the share: owner, mode, bytes.
everything() { # FOLDER…
    (cd "$LAB_DIR" && find "$@" -printf '%p %y %m %U %G %l\n' -type f -exec sha256sum {} + | LC_ALL=C sort)
}
all() { everything server01/own server02/own share; }
is_as() { # FILE: all is as it was then
    all >"$LAB_DIR/now"
    diff "$1" "$LAB_DIR/now"
}
serves() {
    lab_on "$1" ip -o address show dev $LAB_INTERFACE | grep -q "$LAB_FLOATING/" && lab_on "$1" postfix status
}
stopped() {
    not lab_on "$1" postfix status && not grep -q "$LAB_FLOATING/" <(lab_on "$1" ip -o address show dev $LAB_INTERFACE)
}

baton_on_monitor() { # COMMAND ARG…
    local command=$1
    shift
    ip netns exec "$(lab_ns monitor)" timeout 300 "$build/tools/baton/baton" "$command" $LAB_GROUP \
        --config "$LAB_DIR/monitor/baton.xml" "$@"
}
ends() { # CODE COMMAND ARG…: without a terminal. What it said is in LAB_DIR/last
    local wanted=$1 code
    shift
    baton_on_monitor "$@" </dev/null >"$LAB_DIR/last" 2>&1
    code=$?
    [ $code -eq "$wanted" ] || { echo "it ended with $code" && cat "$LAB_DIR/last" && false; }
}
# With a terminal, and a person who answers what is asked: one answer a question.
with_person() { # ANSWERS COMMAND ARG…
    local answers=$1
    shift
    # shellcheck disable=SC2059  # the answers are a format: y\n
    printf "$answers" | script -qefc "$(printf '%q ' ip netns exec "$(lab_ns monitor)" timeout 300 \
        "$build/tools/baton/baton" "$1" $LAB_GROUP --config "$LAB_DIR/monitor/baton.xml" "${@:2}")" /dev/null \
        >"$LAB_DIR/last" 2>&1
}

lab_up || die "the lab could not be made"
for host in "${LAB_SERVERS[@]}"; do
    install_systemctl "$host"
done
fresh
lab_baton_configure || die "no configuration could be written"
all >"$LAB_DIR/before"

# ---- migrate ------------------------------------------------------------------------------------

ok "a dry run of migrate" ends 0 migrate --dry-run
ok "it changed nothing" is_as "$LAB_DIR/before"
ok "nothing was stopped" serves server01
ok "it says what would be rewritten" says "server01: $SERVICE/domainlist.xml: 3 paths → $LAB_SHARE"
ok "it says what an earlier step makes necessary" says "server01: start smartermail.service"
ok "without a terminal it wants --yes" ends 1 migrate
ok "and says so" says "add --yes"

ok "it waits where the downtime begins" ends 1 migrate --yes
ok "and says why" says "the downtime begins: this is for you to do"
ok "the service runs on" serves server01
ok "the mail data are on the share" lab_on server01 diff -r --exclude=Service --exclude=.baton-copy $MAIL $LAB_SHARE
# Meanwhile some mail comes, and some goes.
lab_on server01 sh -c "echo new >'$MAIL/Domains/my domain.test/Users/new'; rm '$MAIL/Spool/1.eml'"
ok "told so, it goes on to the licence" ends 1 migrate --yes
ok "and asks for it" says "activate the Enterprise key"
ok "what came meanwhile came along" test -f "$LAB_DIR/share/Domains/my domain.test/Users/new"
ok "what went meanwhile is gone" test ! -e "$LAB_DIR/share/Spool/1.eml"
ok "server02 serves" serves server02
ok "server01 does not" stopped server01
ok "paths are rewritten, all else is not" cmp "$LAB_DIR/share/Service/domainlist.xml" <(domainlist $LAB_SHARE)
ok "in any case" grep -q "<spool>$LAB_SHARE/Spool</spool>" "$LAB_DIR/share/Service/mailconfig.xml"
ok "as whole components" grep -q '<other>/oldstore/old mail2</other>' "$LAB_DIR/share/Service/mailconfig.xml"
ok "in JSON" jq -e ".domains[0].data_path == \"$LAB_SHARE/Domains/my domain.test\"" \
    "$LAB_DIR/share/Service/Settings/domains.json"
ok "what is no text came as it was" cmp "$LAB_DIR/server01/own/etc/smartermail/users.DAT" "$LAB_DIR/share/Service/users.DAT"
ok "programs did not come" test ! -e "$LAB_DIR/share/Service/mailservice.exe"
ok "both have the same failoverConfig.xml" cmp "$LAB_DIR"/server0[12]/own/etc/smartermail/failoverConfig.xml
ok "it says where the share is" grep -q "<SharedSystemFilesPath>$LAB_SHARE/Service</SharedSystemFilesPath>" \
    "$LAB_DIR/server01/own/etc/smartermail/failoverConfig.xml"
ok "each file has a backup" cmp "$LAB_DIR/share/Service/domainlist.xml.before-baton" <(domainlist $MAIL)
ok "the licence is there: server01 is started again" ends 1 migrate --yes
ok "server01 serves" serves server01
ok "server02 is stopped" stopped server02
ok "then the licence there, and the ports" ends 1 migrate --yes
ok "the ports are bound to all addresses: not done" says "bound to another address: 0.0.0.0:143"
for host in "${LAB_SERVERS[@]}"; do
    sed -i "s/^inet_interfaces = .*/inet_interfaces = $LAB_FLOATING/" "$LAB_DIR/$host/etc/postfix/main.cf"
    sed -i "s/^listen = .*/listen = $LAB_FLOATING/" "$LAB_DIR/$host/etc/dovecot/dovecot.conf"
done
lab_ssh server01 'systemctl stop smartermail.service; systemctl start smartermail.service'
ok "bound as they should be: all is done" ends 0 migrate --yes
ok "and says so" says "All is done"
all >"$LAB_DIR/after"
ok "once more: nothing is left to do" ends 0 migrate --yes
ok "and nothing was done" is_as "$LAB_DIR/after"
ok "looked at anew, it is done too" ends 1 migrate --yes --again
ok "and nothing was done again" is_as "$LAB_DIR/after"

ok "all of it taken back" ends 0 migrate --undo --yes
ok "server01 serves as before" serves server01
ok "every byte of the servers is back" diff \
    <(grep -vE "^share | share/|Spool|Users" "$LAB_DIR/before") \
    <(everything server01/own server02/own | grep -vE "Spool|Users")
ok "nothing was stopped on the way" stopped server02
sed -i "s/^inet_interfaces = .*/inet_interfaces = all/" "$LAB_DIR"/server0[12]/etc/postfix/main.cf
sed -i "s/^listen = .*/listen = */" "$LAB_DIR"/server0[12]/etc/dovecot/dovecot.conf

echo "$passed passed, $failed failed"
exit $((failed > 0))
