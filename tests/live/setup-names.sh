#!/bin/bash
# `baton migrate` where the folders of two real servers have names that no script may trip over, and
# where a mail file is cut short in the middle of a copy.
#
#   setup-names.sh BUILD_DIRECTORY
set -u
export LC_ALL=C.UTF-8

build=$(cd "$1" && pwd) || exit 2
# shellcheck source=tests/live/able
. "$(dirname "$0")/able" postfix dovecot sshd jq ip rsync

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

# ---- A copy of a file that is cut short ----------------------------------------------------------

# rsync as it is, but slow; when it has begun with huge.grp, that is cut.
cat >"$LAB_DIR/server01/etc/ssh/bin/rsync" <<'END_OF_RSYNC'
#!/bin/sh
case " $* " in *" --server "*) exec /usr/bin/rsync "$@" ;; esac
for folder; do :; done
/usr/bin/rsync --bwlimit=8m "$@" &
pid=$!
while kill -0 $pid 2>/dev/null; do
    if [ -e /etc/ssh/bin/cut ] && [ -n "$(find "$folder/Domains" -name '.huge.grp.*' -size +0 2>/dev/null)" ]; then
        truncate -s 1000 "$(cat /etc/ssh/bin/cut)" && rm /etc/ssh/bin/cut
    fi
    sleep 0.02
done
wait $pid
END_OF_RSYNC
chmod 755 "$LAB_DIR/server01/etc/ssh/bin/rsync"
fresh
lab_baton_configure || die "no configuration could be written"
head -c 40000000 /dev/zero >"$LAB_DIR/server01/own/smartermail/Domains/huge.grp"
echo "$MAIL/Domains/huge.grp" >"$LAB_DIR/server01/etc/ssh/bin/cut"
ok "a file is cut short while it is copied: to the downtime" ends 1 migrate --yes
ok "it was cut while it was copied" test ! -e "$LAB_DIR/server01/etc/ssh/bin/cut"
ok "it says so" says "mail data to the share, while mail goes on, server01: copied; some files changed meanwhile"
ok "and waits for the downtime" says "the downtime begins: this is for you to do"
ok "the data are there" lab_on server01 diff -r --exclude=Service '--exclude=.baton-*' $MAIL $LAB_SHARE
rm "$LAB_DIR/server01/etc/ssh/bin/rsync"

# ---- Names ------------------------------------------------------------------------------------------

odd='-o dd; touch x '\''"$(touch y)`touch z` \ * [a] {b,c} %s #ü & ~'
SERVICE="/srv/own/etc/$odd"
fresh
# A comma is between paths in old_paths, but not in mail_folder.
MAIL="/srv/own/mail, $odd"
xml() { printf %s "$1" | sed 's,&,\&amp;,g; s,",\&quot;,g; s,<,\&lt;,g'; }
odd_domainlist() { # MAIL_FOLDER
    printf '<domains at="%s/Domains/d1.test">\n' "$(xml "$1")"
    printf '  <other>/srv/own/mail/Domains</other>\n</domains>\n'
}
odd_json() { jq -nc --arg at "$1/Domains/my domain.test" '{data_path: $at}'; }
for host in "${LAB_SERVERS[@]}"; do
    own=$LAB_DIR/$host/own
    mv "$own/etc/smartermail" "$own/etc/$odd" && mv "$own/smartermail" "$own/mail, $odd" ||
        die "no odd folders on $host"
    odd_domainlist "$MAIL" >"$own/etc/$odd/domainlist.xml"
    odd_json "$MAIL" >"$own/etc/$odd/Settings/domains.json"
done
all >"$LAB_DIR/before"
lab_baton_configure "service_folder=$(xml "$SERVICE")" "mail_folder=$(xml "$MAIL")" ||
    die "no configuration could be written"

ok "odd folders: a dry run" ends 0 migrate --dry-run
ok "odd folders: it changed nothing" is_as "$LAB_DIR/before"
ok "odd folders: to the downtime" ends 1 migrate --yes
ok "odd folders: the data are there" lab_on server01 diff -r --exclude=Service '--exclude=.baton-*' "$MAIL" $LAB_SHARE
ok "odd folders: on to the licence" ends 1 migrate --yes
ok "odd folders: it asks for it" says "activate the Enterprise key"
ok "odd folders: server02 serves" serves server02
ok "odd folders: paths are rewritten, others are not" cmp "$LAB_DIR/share/Service/domainlist.xml" <(odd_domainlist $LAB_SHARE)
ok "odd folders: in JSON" cmp "$LAB_DIR/share/Service/Settings/domains.json" <(odd_json $LAB_SHARE)
ok "odd folders: both have the same failoverConfig.xml" cmp "$LAB_DIR"/server0[12]/"own/etc/$odd/failoverConfig.xml"
ok "odd folders: no name was run" test -z "$(find "$LAB_DIR" -name '[bxyz]')"
ok "odd folders: taken back" ends 0 migrate --undo --yes
ok "odd folders: with every byte" diff <(grep -vE "^share | share/|Spool|Users" "$LAB_DIR/before") \
    <(everything server01/own server02/own | grep -vE "Spool|Users")

# ---- Paths that are none ------------------------------------------------------------------------------

fresh
all >"$LAB_DIR/before"
lab_baton_configure mail_folder=smartermail || die "no configuration could be written"
ok "a path that is not whole: refused" ends 1 migrate --yes
ok "and says which" says 'set name="mail_folder": a whole path'
ok "and what" says 'not "smartermail"'
lab_baton_configure "mail_folder=/srv/own/mail&#10;box" || die "no configuration could be written"
ok "one with a line end in it: refused before anything is done" ends 1 migrate --yes
lab_baton_configure "old_paths=/oldstore, Inc" || die "no configuration could be written"
ok "an old path that is a word: refused" ends 1 migrate --yes
ok "and says so" says 'set name="old_paths": a whole path'
ok "nothing was changed" is_as "$LAB_DIR/before"

echo "$passed passed, $failed failed"
exit $((failed > 0))
