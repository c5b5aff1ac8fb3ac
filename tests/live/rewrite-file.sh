#!/bin/bash
# `baton rewrite` on files of this machine: what becomes of them, of their backup, and what is refused,
# with the original untouched.
#
#   rewrite-file.sh BUILD_DIRECTORY
set -u
export LC_ALL=C.UTF-8
baton=$(cd "$1" && pwd)/tools/baton/baton || exit 2
work=$(mktemp -d "${TMPDIR:-/tmp}/rewrite-XXXXXX") || exit 1
trap 'umount "$work/small" 2>/dev/null; chattr -i "$work/file.xml" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 1
passed=0 failed=0
old='C:\SmarterMail' new='\\NAS01\SmarterMail'

ok() { # WHAT COMMAND…
    local what=$1
    shift
    if "$@" >said 2>&1; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        printf 'FAILED: %s\n' "$what"
        tail -n 5 said
    fi
}
not() { ! "$@"; }
run() { # ARG…: what it says is in `last`
    "$baton" rewrite "$@" </dev/null >last 2>&1
    local code=$?
    cat last
    return $code
}
rewrite() { run "$1" "$old" --to "$new" "${@:2}"; }
says() { grep -qF -- "$1" last || { cat last && false; }; }
text() { # PATH: a domainlist.xml
    printf '\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>\r\n<!-- C:\\SmarterMail -->\r\n<d path="%s\\a"><p>%s/b</p>\r\n</d>' "$1" "$1"
}
refuses() { # WHAT WORDS [FILE]: file.xml (or FILE) is refused with these words, and stays as it is
    local what=$1 words=$2 file=${3:-file.xml}
    [ ! -f "$file" ] || cp "$file" was
    ok "$what is refused" not rewrite "$file"
    ok "… with: $words" says "$words"
    [ ! -f "$file" ] || ok "… and is as it was" cmp was "$file"
    ok "… and nothing lies beside it" test ! -e "$file.before-baton" -a ! -e "$file.baton-new"
}

text "$old" >file.xml
chmod 640 file.xml
cp -p file.xml first
ok "a dry run" rewrite file.xml --dry-run
ok "says how many" says "2 paths would become"
ok "and changes nothing" cmp first file.xml
ok "a file is rewritten" rewrite file.xml
ok "and all else is as it was" cmp file.xml <(text "$new" | sed 's,SmarterMail/b,SmarterMail\\b,')
ok "its mode too" test "$(stat -c %a file.xml)" = 640
ok "the original is beside it" cmp first file.xml.before-baton
cp file.xml second
ok "once more" rewrite file.xml
ok "says that there is nothing to do" says "nothing to rewrite"
ok "and nothing is done" cmp second file.xml
ok "the first original stays" cmp first file.xml.before-baton
ok "what is not old is not touched" run file.xml 'D:\Other' --to 'E:\x'
ok "as JSON" rewrite file.xml --json
ok "with both sums" jq -e '.ok and .replaced == 0 and .sha256 == .sha256_before' last
ok "taken back" run file.xml --undo
ok "every byte" cmp first file.xml
ok "taken back twice is refused" not run file.xml --undo
ok "with why" says "nothing to take back"
ok "several old ones" run file.xml 'D:\x' "$old" --to "$new"
"$baton" rewrite file.xml --undo >/dev/null
ok "a name that is odd" bash -c "cp -- first \"\$1\" && '$baton' rewrite --to '$new' -- \"\$1\" '$old'" sh $'-\'$(x)\n".xml'

mkdir there && cp first there/real.xml && ln -s there/real.xml link.xml
ok "a link is followed" rewrite link.xml
ok "and stays a link" test -L link.xml
ok "the file that it names is rewritten" cmp link.xml <(text "$new" | sed 's,SmarterMail/b,SmarterMail\\b,')

refuses "what is not there" "No such file" nothing.xml
refuses "a folder" "it is no file" there
cp first hard.xml && ln hard.xml other.xml
refuses "a file with two names" "hard links" hard.xml
printf '<!DOCTYPE a [<!ENTITY a "x">]><a>&a;</a>' >file.xml
refuses "an entity" "line 1: it has a DOCTYPE"
printf '<?xml version="1.0" encoding="utf-8"?>\n<a>\n\xe4 C:\\SmarterMail</a>' >file.xml
refuses "another encoding than it says" "file.xml: line 3: "
text "$old" | head -c 100 >file.xml
refuses "half a file" "it ends in the middle"
printf 'C:\\SmarterMail\n' >file.xml
refuses "neither XML nor JSON" "file.xml: line 1: "
: >file.xml
refuses "an empty file" "empty"
cp first file.xml
ok "no new path is a wrong use" not run file.xml "$old"
ok "two at once: the second is refused" bash -c "exec 9>file.xml.baton-new; flock 9; ! '$baton' rewrite file.xml '$old' --to '$new' 2>&1 | tee said2; grep -q 'another baton' said2"
rm -f file.xml.baton-new

if [ "$(id -u)" -eq 0 ] && [ -z "${BATON_TEST_UNPRIVILEGED:-}" ] && mkdir small &&
    mount -t tmpfs -o size=100k small small 2>/dev/null; then
    { text "$old" | sed 's,</d>,,' && for i in $(seq 2000); do echo "<p>C:\\SmarterMail\\$i</p>"; done && echo '</d>'; } >small/file.xml
    refuses "a full disk" "No space left on device" small/file.xml
    mount -o remount,ro small
    refuses "a disk that can't be written" "Read-only file system" small/file.xml
    umount small
fi
echo "$passed passed, $failed failed"
exit $((failed > 0))
