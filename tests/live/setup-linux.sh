#!/bin/bash
# `baton init` and `baton migrate` of policies/smartermail-linux.lua on two real servers: OpenSSH, rsync,
# a floating address, a mounted share. The unit is a stand-in (lab-smartermail); the files are as
# SmarterMail's: a mark, CRLF and comments, JSON, domains.
#
#   setup-linux.sh BUILD_DIRECTORY
set -u
export LC_ALL=C.UTF-8

build=$(cd "$1" && pwd) || exit 2
# shellcheck source=tests/live/able
. "$(dirname "$0")/able" postfix dovecot sshd jq ip rsync script

# shellcheck source=tests/live/lab
. "$(dirname "$0")/lab"
LAB_BUILD=$build
# shellcheck source=tests/live/lab-baton
. "$(dirname "$0")/lab-baton"
# shellcheck source=tests/live/lab-smartermail
. "$(dirname "$0")/lab-smartermail"
# shellcheck source=tests/live/lab-setup
. "$(dirname "$0")/lab-setup"
trap 'lab_down' EXIT
trap 'exit 130' INT TERM

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
ok "the mail data are on the share" lab_on server01 diff -r --exclude=Service '--exclude=.baton-*' $MAIL $LAB_SHARE
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

# ---- init, by a person at a terminal ---------------------------------------------------------------

fresh
ok "init, asked at a terminal, is not begun" with_person 1 'n\n' init
ok "and says so" says "nothing was begun"
ok "nothing was changed" is_as "$LAB_DIR/before"
# Begin; both licences; the ports are not bound yet, then they are, said to be skipped.
ok "init with a person" with_person 0 'y\ny\ny\ny\nskip\n' init
ok "who was asked" says "Done? [y/N/skip]"
ok "and told that it is not so" says "It is not so yet: bound to another address"
ok "server01 serves" serves server01
ok "server02 is stopped" stopped server02
ok "the system files are on the share" cmp "$LAB_DIR/server01/own/etc/smartermail/domainlist.xml" \
    "$LAB_DIR/share/Service/domainlist.xml"
ok "mail data stay where they were" test ! -e "$LAB_DIR/share/Domains"
ok "both have the same failoverConfig.xml" cmp "$LAB_DIR"/server0[12]/own/etc/smartermail/failoverConfig.xml
ok "as JSON: nothing is left" ends 0 init --yes --json
ok "one object a line, the last one of all" jq -es 'last | .ok and .done == 0 and .steps == .already' "$LAB_DIR/last"
ok "what would be taken back" ends 0 init --undo --dry-run
ok "which changes nothing" test -e "$LAB_DIR/share/Service/domainlist.xml"
ok "init taken back" ends 0 init --undo --yes
ok "the servers are as before" diff <(grep -vE "^share | share/" "$LAB_DIR/before") <(everything server01/own server02/own)
ok "what was brought to the share is put aside" test -e "$LAB_DIR/share/Service.undone-1/domainlist.xml"
ok "no mark is left on the share" test ! -e "$LAB_DIR/share/.baton-share"

# A big copy at a terminal has a bar.
fresh
head -c 300000000 /dev/zero >"$LAB_DIR/server01/own/smartermail/Domains/huge.grp"
with_person 1 'y\nn\n' migrate
ok "a copy shows how far it is" grep -qE "[0-9]+ %" "$LAB_DIR/last"
ok "and what it came to" says "copied, 30"

echo "$passed passed, $failed failed"
exit $((failed > 0))
