#!/bin/bash
# What goes wrong in `baton init` and `baton migrate` on two real servers: a share that vanishes or fills
# up while a copy runs, Baton killed or told to stop, files that are no XML, targets that can't be
# written. Each time: a clear error, the original untouched, and the next run goes on.
#
#   setup-breaks.sh BUILD_DIRECTORY
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
small=
end() {
    [ -z "$small" ] || umount "$small" 2>/dev/null
    lab_down
}
trap end EXIT
trap 'exit 130' INT TERM

lab_up || die "the lab could not be made"
for host in "${LAB_SERVERS[@]}"; do
    install_systemctl "$host"
done
install_rsync server01
fresh
lab_baton_configure || die "no configuration could be written"
all >"$LAB_DIR/before"
own_as_before() { diff <(grep -vE "^share | share/" "$LAB_DIR/before") <(everything server01/own server02/own); }

# ---- In the middle of a copy -----------------------------------------------------------------

hold_copies server01
begin migrate --yes
ok "a copy is under way" wait_for 20 copy_waits server01
kill -9 "$begun" 2>/dev/null
wait "$begun" 2>/dev/null
ok "Baton is killed: the copy ends with it" wait_for 20 not copy_waits server01
let_copies_go server01
ok "nothing of the servers was changed" own_as_before
ok "the next run goes on, to the downtime" ends 1 migrate --yes
ok "the data are there" lab_on server01 diff -r --exclude=Service '--exclude=.baton-*' $MAIL $LAB_SHARE
ok "nothing half-copied is left" test -z "$(find "$LAB_DIR/share" -name '.*.??????' ! -name '.baton-*')"

fresh
hold_copies server01
begin migrate --yes
ok "another copy is under way" wait_for 20 copy_waits server01
ok "a second Baton is refused" ends 1 migrate --yes
ok "and says why" says "another baton init or migrate runs"
kill -INT "$begun" 2>/dev/null
ok "told to stop, it stops" begun_ends 1
ok "and says how to go on" says "To go on: baton migrate mail"
ok "the copy has ended" wait_for 20 not copy_waits server01
let_copies_go server01

fresh
hold_copies server01
begin migrate --yes
ok "a third copy is under way" wait_for 20 copy_waits server01
lab_on server01 umount -l $LAB_SHARE
let_copies_go server01
ok "the share vanishes: it fails" begun_ends 1
ok "and says what" says "copy $MAIL to $LAB_SHARE: "
ok "nothing of the servers was changed" own_as_before
ok "again without the share: nothing is copied below the mount" ends 1 migrate --yes
ok "and says what to look at" says "is not the share that it was"
ok "there is nothing" lab_on server01 test ! -e $LAB_SHARE/Domains
lab_on server01 mount --bind "$LAB_DIR/share" $LAB_SHARE
ok "it is back: the next run goes on" ends 1 migrate --yes
ok "to the downtime" says "the downtime begins"

fresh
lab_on server01 sh -c "umount $LAB_SHARE && mount -t tmpfs -o size=1m full $LAB_SHARE"
lab_on server02 umount $LAB_SHARE
ok "the two have not the same share" ends 1 migrate --yes
ok "and it says so" says "server02 does not see what server01 wrote"
small=$LAB_DIR/small
mkdir -p "$small" && mount -t tmpfs -o size=1m full "$small"
fresh # servers that boot see it
for host in "${LAB_SERVERS[@]}"; do
    lab_on "$host" sh -c "umount $LAB_SHARE && mount --bind '$small' $LAB_SHARE"
done
ok "a share that fills up: it fails" ends 1 migrate --yes
ok "and says so" says "No space left on device"
ok "nothing of the servers was changed" own_as_before
for host in "${LAB_SERVERS[@]}"; do
    lab_on "$host" umount $LAB_SHARE
done
umount "$small"

# ---- Mail data that are where they shall be -----------------------------------------------------------

fresh
sed "s,name=\"mail_folder\" value=\"[^\"]*\",name=\"mail_folder\" value=\"/srv\"," "$LAB_DIR/monitor/baton.xml" >"$LAB_DIR/monitor/nested.xml"
ok "mail data around the share: not planned" ends 1 migrate --dry-run --config "$LAB_DIR/monitor/nested.xml"
ok "mail data around the share: refused" ends 1 migrate --yes --config "$LAB_DIR/monitor/nested.xml"
ok "and says so" says "are one in the other"
fresh
sed "s,name=\"mail_folder\" value=\"[^\"]*\",name=\"mail_folder\" value=\"$LAB_SHARE/\"," "$LAB_DIR/monitor/baton.xml" >"$LAB_DIR/monitor/same.xml"
ok "mail data that are on the share: not copied" ends 1 migrate --yes --config "$LAB_DIR/monitor/same.xml"
ok "and says so" says "already so   5/20 mail data to the share, while mail goes on, server01: the mail data are on the share"

# ---- A share that was not empty ----------------------------------------------------------------------

fresh
echo theirs >"$LAB_DIR/share/theirs"
ends 1 migrate --yes >/dev/null
lab_on server01 rm "$MAIL/Spool/1.eml"
ok "a share that was not empty: migrated too" ends 1 migrate --yes
ok "what others have there stays" test -e "$LAB_DIR/share/theirs"
ok "and what it may mean is said" says "look through its Spool folder"

# ---- Files that are not what they should be -------------------------------------------------------

fresh
config=$LAB_DIR/server01/own/etc/smartermail/failoverConfig.xml
init_refuses() { # WHAT WORDS: what failoverConfig.xml has is on standard input
    local what=$1 words=$2
    cat >"$LAB_DIR/was"
    fresh
    cp "$LAB_DIR/was" "$config"
    ok "failoverConfig.xml $what: refused" ends 1 init --yes
    ok "… and says why: $words" says "$words"
    ok "… and is as it was" cmp "$config" "$LAB_DIR/was"
    ok "… and has no backup, for nothing was done" test ! -e "$config.before-baton"
}
init_refuses "with entities that explode" "DOCTYPE" <<'END'
<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><a>&b;<IsEnabled>False</IsEnabled></a>
END
init_refuses "with an entity from outside" "DOCTYPE" <<'END'
<!DOCTYPE a SYSTEM "file:///etc/passwd"><a><IsEnabled>False</IsEnabled></a>
END
init_refuses "with a setting twice" "IsEnabled" <<'END'
<a><IsEnabled>False</IsEnabled>
<b><IsEnabled>True</IsEnabled></b></a>
END
init_refuses "half written" "failoverConfig.xml" <<'END'
<a><IsEnabled>Fal
END
init_refuses "in another encoding than it says" "failoverConfig.xml" < <(printf '<?xml version="1.0" encoding="utf-8"?><a>\xe4<IsEnabled>False</IsEnabled></a>')

fresh
lab_on server01 mount --bind $SERVICE $SERVICE
lab_on server01 mount -o remount,ro,bind $SERVICE
ok "a folder that can't be written: refused" ends 1 init --yes
ok "and says so" says "Read-only file system"
ok "nothing of the servers was changed" own_as_before

# domainlist.xml is found to be broken when it is on the share: what was there first stays.
fresh
printf '<domains><domain path="%s/Domains/a"/><oops></domains>' "$MAIL" >"$LAB_DIR/server01/own/etc/smartermail/domainlist.xml"
ends 1 migrate --yes >/dev/null
ok "domainlist.xml is broken: refused" ends 1 migrate --yes
ok "and says in which line" says "domainlist.xml: line 1"
ok "it is on the share as it was" cmp "$LAB_DIR"/{server01/own/etc/smartermail,share/Service}/domainlist.xml
ok "nobody serves what is half done" stopped server02
ok "and all is taken back" ends 0 migrate --undo --yes
ok "server01 serves" serves server01

# ---- Two million files ------------------------------------------------------------------------------

if [ -n "${BATON_TEST_LONG:-}" ]; then
    fresh
    for folder in $(seq 2000); do
        mkdir "$LAB_DIR/server01/own/smartermail/Domains/$folder" && cd "$_" || die "no folder $folder"
        for ((file = 0; file < 1000; file++)); do echo $file >$file; done
    done
    cd "$LAB_DIR" || exit 1
    # shellcheck disable=SC2034  # for lab-setup
    patience=3600
    ok "two million files" ends 1 migrate --yes
    ok "to the downtime" says "the downtime begins"
    ok "all are there" test "$(find share/Domains | wc -l)" -eq "$(find server01/own/smartermail/Domains | wc -l)"
fi

echo "$passed passed, $failed failed"
exit $((failed > 0))
