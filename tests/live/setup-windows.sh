#!/bin/bash
# `baton init` and `baton migrate` of policies/smartermail-nlb.lua on two modelled Windows hosts and their
# share, by WinRM: what they do, what they leave as it was, and what they do where something goes wrong.
#
#   setup-windows.sh BUILD_DIRECTORY
set -u
export LC_ALL=C.UTF-8
build=${1:-${BATON_BUILD:-build/gcc}}
build=$(cd "$build" && pwd) || exit 1
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/live/windows-hosts
. "$top/tests/live/windows-hosts"
missing=$(hosts_missing script)
[ -z "$missing" ] || { echo "skipped: $missing"; exit 77; }
work=$(mktemp -d "${TMPDIR:-/tmp}/setup-XXXXXX") || exit 1
chmod 755 "$work"
passed=0 failed=0
clean() {
    hosts_stop
    rm -rf "$work"
}
trap clean EXIT
ok() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@" >"$work/said" 2>&1; then passed=$((passed + 1)); else
        failed=$((failed + 1))
        printf 'FAILED: %s\n' "$what"
        tail -n 40 "$work/said"
    fi
}
hosts_start || { echo "the lab does not start"; exit 1; }
is() { [ "$(lua "$1")" = "$2" ] || { echo "$1: $(lua "$1") instead of $2"; return 1; }; }

# ---- The hosts as they are before --------------------------------------------------------------

# Words for chunks of Lua: P is the Service folder, S the share, put and at its files.
lua '
P, M, S = "C:\\Program Files (x86)\\SmarterTools\\SmarterMail\\Service", "C:\\SmarterMail", "\\\\NAS01\\SmarterMail"
OLD = "E:\\old mail'"'"'s $(exit 9) `n [x] %TEMP% ü"
share = lab.shares[S]
function at(path, host) return lab.file(host or lab.server01, path) end
function utf16(text)
    local out = { "\xff\xfe" }
    for _, code in utf8.codes(text) do out[#out + 1] = ("<I2"):pack(code) end
    return table.concat(out)
end
function xml(text) return (text:gsub("&", "&amp;")) end
function domainlist(root, slash)
    root = xml(root)
    return "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<!-- C:\\SmarterMail\\Domains is old -->\r\n"
        .. "<domains>\r\n  <domain name=\"a.test\" path=\"" .. root .. "\\Domains\\a.test\"/>\r\n"
        .. "  <domain name=\"b.test\"><path>" .. root
        .. ("/Domains/b.test"):gsub("/", slash or "/") .. "</path></domain>\r\n"
        .. "  <domain name=\"c.test\" path=\"C:\\SmarterMail2\\Domains\"/>\r\n</domains>\r\n"
end
function mailconfig(root)
    return utf16("<?xml version=\"1.0\" encoding=\"utf-16\"?>\r\n<config>\r\n  <spool>" .. xml(root)
        .. "\\Spool</spool>\r\n  <!-- ü -->\r\n</config>\r\n")
end
function json(root)
    return "{\"domains\": [{\"data_path\": \"" .. root:gsub("\\", "\\\\") .. "\\\\Domains\\\\a.test\"}], \"n\": 1.50}\n"
end
function empty(tree)
    for _, field in ipairs { "files", "directories", "names", "times", "read_only", "denied", "acl" } do tree[field] = {} end
end
function as_before()
    empty(share)
    share.reachable, share.writable, share.vanishes, share.capacity = true, true, nil, nil
    lab.two, lab.log = nil, {}
    for i, name in ipairs { "server01", "server02" } do
        local host = lab[name]
        empty(host)
        host.faults = {}
        host.nlb.state = i == 1 and "Started" or "Stopped"
        host.pools.SmarterMail = host.nlb.state
        host.services.MailService.status = i == 1 and "Running" or "Stopped"
        host.ports, host.bindings = {}, nil
        lab.fill(host, {
            [P .. "\\domainlist.xml"] = domainlist(M),
            [P .. "\\mailconfig.xml"] = mailconfig(OLD:upper():gsub("Ü", "ü")),
            [P .. "\\Settings\\domains.json"] = json(M:lower()),
            [P .. "\\Settings\\deep\\er.txt"] = M,
            [P .. "\\users.DAT"] = "binary \1\255 C:\\SmarterMail",
            [P .. "\\MailService.exe"] = "a program",
            [P .. "\\failoverConfig.xml"] = "<failover>\r\n  <!-- as installed -->\r\n"
                .. "  <IsEnabled>False</IsEnabled>\r\n</failover>\r\n",
            [M .. "\\Spool\\1.eml"] = "waits",
            [M .. "\\Domains\\a.test\\it'"'"'s $(exit) `n [x] %PATH% & ü\\mail.grp"] = ("mail\0"):rep(1000),
        })
        lab.fill(host, { [P .. "\\Settings\\about.json"] = "{}" })
        host.read_only[(P .. "\\Settings\\about.json"):lower()] = true -- nothing in it to be rewritten
        for n = 1, 50 do
            lab.fill(host, { [("%s\\Domains\\a.test\\Users\\%d.eml"):format(M, n)] = "mail " .. n })
        end
    end
end
-- Every file, byte for byte, and what runs.
function all(which)
    local out = {}
    local function add(title, tree)
        for path, text in pairs(tree.files) do
            out[#out + 1] = ("%s %s %s %s %s"):format(title, tree.names[path] or path, #text,
                lab_sha256(text), tree.read_only[path] and "read-only" or "")
        end
    end
    for _, name in ipairs { "server01", "server02" } do
        add(name, lab[name])
        out[#out + 1] = ("%s %s %s %s"):format(name, lab[name].nlb.state, lab[name].pools.SmarterMail,
            lab[name].services.MailService.status)
    end
    if which ~= "hosts" then add("share", share) end
    table.sort(out)
    return table.concat(out, "\n")
end
as_before()' >"$work/said"
[ ! -s "$work/said" ] || [ "$(cat "$work/said")" = nil ] || cat "$work/said"

mkdir -p "$work/hooks" "$work/state"
cp -R "$top/lua" "$work/lua" && cp "$top/policies/smartermail-nlb.lua" "$work/" && chmod -R go-w "$work/lua" "$work"/*.lua
SERVICE='C:\Program Files (x86)\SmarterTools\SmarterMail\Service'
xml() { printf '%s' "$1" | sed 's/&/\&amp;/g; s/"/\&quot;/g'; }
configure() { # SERVICE_FOLDER MAIL_FOLDER SHARE
    cat >"$work/baton.xml" <<END
<baton>
  <state directory="$work/state"/><control socket="$work/control.sock"/>
  <lua directory="$work/lua"/><hooks directory="$work/hooks"/><log to="stderr"/>
  <secret name="windows" file="$work/password"/>
  <group name="mail">
    <address ip="10.9.0.100/24"/><share path="$(xml "$3")"/>
    <policy file="$work/smartermail-nlb.lua">
      <set name="old_paths" value="E:\\old mail's \$(exit 9) \`n [x] %TEMP% ü"/>
      <set name="service_folder" value="$(xml "$1")"/><set name="mail_folder" value="$(xml "$2")"/>
      <set name="grant" value="EXAMPLE\\smartermail, NT AUTHORITY\\NETWORK SERVICE"/>
      <set name="deadline" value="5"/><set name="nlb_deadline" value="5"/>
    </policy>
    $(hosts_nodes)
  </group>
</baton>
END
}
configure "$SERVICE" 'C:\SmarterMail' '\\NAS01\SmarterMail'

baton() { timeout 120 "$build/tools/baton/baton" "$1" mail --config "$work/baton.xml" "${@:2}"; }
ends() { # CODE COMMAND ARG…: without a terminal. What it said is in last
    local wanted=$1 code
    shift
    baton "$@" </dev/null >"$work/last" 2>&1
    code=$?
    [ $code -eq "$wanted" ] || { echo "it ended with $code" && cat "$work/last" && false; }
}
says() { grep -qF -- "$1" "$work/last" || { cat "$work/last" && false; }; }
not() { ! "$@"; }
is_as() { # FILE [hosts]: all is as it was then
    lua "return all('${2:-}')" >"$work/now"
    diff "$1" "$work/now"
}
change() { # CHUNK
    local said
    said=$(lua "$1")
    [ "$said" = nil ] || { echo "$1: $said" && exit 1; }
}
fresh() {
    change 'as_before()'
    rm -rf "$work/state" && mkdir "$work/state"
}
serves() { is "return lab.$1.nlb.state .. lab.$1.pools.SmarterMail .. lab.$1.services.MailService.status" StartedStartedRunning; }
stopped() { is "return lab.$1.nlb.state .. lab.$1.pools.SmarterMail .. lab.$1.services.MailService.status" StoppedStoppedStopped; }
clean_hosts() { # nothing is left open, and two never served
    is 'return lab.counts "server01"' "0 shells, 0 commands" && is 'return lab.counts "server02"' "0 shells, 0 commands" &&
        is 'return lab.two or "never"' never
}
# shellcheck disable=SC2016
SAME_MAIL='local n, m = 0, 0 for path, text in pairs(lab.server01.files) do local root = M:lower() .. "\\"
    if path:sub(1, #root) == root then local below = path:sub(#root + 1) if at(S .. "\\" .. below) ~= text then return path end n = n + 1 end end
    for path in pairs(share.files) do
        if not path:find("\\.baton", 1, true) and not path:find(S:lower() .. "\\service\\", 1, true) then m = m + 1 end end
    return n == m and n or m .. " on the share"'
ROBOCOPIES='local n = 0 for _, l in ipairs(lab.log) do n = n + (l:find "robocopy.exe C:.SmarterMail" and 1 or 0) end return n'
COPY_AFTER_STOP='local stop, copy = 0, 0 for i, l in ipairs(lab.log) do
    if l:find "server01: service MailService Stopped" then stop = i elseif l:find "robocopy.exe C:.SmarterMail" then copy = i end
    end return stop > 0 and copy > stop'
lua 'return all()' >"$work/before"
lua 'return all("hosts")' >"$work/before.hosts"

# ---- migrate ------------------------------------------------------------------------------------

ok "a dry run of migrate" ends 0 migrate --dry-run
ok "it changed nothing" is_as "$work/before"
ok "it says what would be copied" says \
    'server01: robocopy C:\SmarterMail \\NAS01\SmarterMail /XD Service /E /COPY:DAT /DCOPY:T /R:2 /W:2 /MT:16'
ok "and rewritten" says "server01: $SERVICE\\domainlist.xml: 2 paths → \\\\NAS01\\SmarterMail"
ok "and stopped" says "server01: stop the application pool SmarterMail"
ok "and who may write" says 'server01: NT AUTHORITY\NETWORK SERVICE may write \\NAS01\SmarterMail\Service'
ok "without a terminal it wants --yes" ends 1 migrate
ok "and still changed nothing" is_as "$work/before"

ok "it waits where the downtime begins" ends 1 migrate --yes
ok "and says why" says "the downtime begins: this is for you to do"
ok "the service runs on" serves server01
ok "nothing was stopped meanwhile" is 'for _, l in ipairs(lab.log) do if l:find "Stopped" then return l end end' nil
ok "the servers are as they were" is_as "$work/before.hosts" hosts
ok "all mail is on the share" is "$SAME_MAIL" 52
ok "robocopy ran twice" is "$ROBOCOPIES" 2
ok "and says how much it was" says "copied, 5.3 kB in 52 files"
ok "the accounts may write there" is \
    'local o = {} for _, one in ipairs(share.acl[(S .. "\\Service"):lower()]) do o[#o + 1] = one[1] end return table.concat(o, ", ")' \
    'EXAMPLE\smartermail, NT AUTHORITY\NETWORK SERVICE'
# Meanwhile some mail comes, some goes, and an index grows.
change 'lab.fill(lab.server01, { [M .. "\\Domains\\a.test\\Users\\new.eml"] = "new", [M .. "\\Spool\\1.eml"] = "waits on" })
    lab.server01.files[(M .. "\\Domains\\a.test\\Users\\7.eml"):lower()] = nil'

ok "told so, it goes on to the licence" ends 1 migrate --yes
ok "and asks for it" says "the licence on server02: this is for you to do"
ok "the paths it sees itself" says 'the paths on server02: \\NAS01\SmarterMail\Service has the system files'
ok "what came, went and changed meanwhile did so on the share" is "$SAME_MAIL" 52
ok "the last copy was after the stop" is "$COPY_AFTER_STOP" true
ok "server02 serves" serves server02
ok "server01 does not" stopped server01
ok "paths are rewritten, all else is not: a mark, CRLF, comments, other prefixes" is \
    'return at(S .. "\\Service\\domainlist.xml") == domainlist(S, "\\")' true
ok "in UTF-16, in any case" is 'return at(S .. "\\Service\\mailconfig.xml") == mailconfig(S)' true
ok "in JSON" is 'return at(S .. "\\Service\\Settings\\domains.json") == json(S)' true
ok "what is deeper came, too, and is no such file" is 'return at(S .. "\\Service\\Settings\\deep\\er.txt") == M' true
ok "what is no text came as it was" is 'return at(S .. "\\Service\\users.DAT") == at(P .. "\\users.DAT")' true
ok "programs did not come" is 'return at(S .. "\\Service\\MailService.exe")' nil
ok "each file has a backup" is 'return at(S .. "\\Service\\domainlist.xml.before-baton") == domainlist(M)' true
ok "the old system files are as they were" is 'return at(P .. "\\domainlist.xml") == domainlist(M)' true
ok "both have the same failoverConfig.xml" is \
    'return at(P .. "\\failoverConfig.xml") == at(P .. "\\failoverConfig.xml", lab.server02)' true
ok "with what was in it" is 'local f = at(P .. "\\failoverConfig.xml") return f:find("<!-- as installed -->\r\n", 1, true)
    and f:find("<IsEnabled>True</IsEnabled>\r\n", 1, true)
    and f:find("<SharedSystemFilesPath>" .. S .. "\\Service</SharedSystemFilesPath>", 1, true)
    and f:find("<FailoverIPAddress>10.9.0.100</FailoverIPAddress>", 1, true) and true' true

changed() { diff "$work/before.hosts" <(lua 'return all("hosts")') | sed -n 's/^[<>] \(server0[12] C:.*\) [0-9]* [0-9A-F]* *$/\1/p' | sort -u; }
ok "nothing else of theirs was changed: it is what the dry run said" diff <(changed | grep -v 'SmarterMail\\[DS][^e]') - <<END
server01 $SERVICE\\failoverConfig.xml
server01 $SERVICE\\failoverConfig.xml.before-baton
server02 $SERVICE\\failoverConfig.xml
server02 $SERVICE\\failoverConfig.xml.before-baton
END
ok "the licence is there: server01 is started again" ends 1 migrate --yes
ok "server01 serves" serves server01
ok "server02 is stopped" stopped server02
change 'lab.server01.ports = { { address = "10.9.0.100", port = 25 }, { address = "0.0.0.0", port = 143 } }
    lab.server02.bindings = { "*:80:" }'
ok "then the licence there, and the ports" ends 1 migrate --yes
ok "bound to another address: not done" says "bound to another address: 0.0.0.0:143"
change 'lab.server01.ports = {} for i, port in ipairs { 25, 587, 143, 110 } do
    lab.server01.ports[i] = { address = "10.9.0.100", port = port } end'
ok "then the IIS bindings" ends 1 migrate --yes
ok "of which one is not so" says "server02: bound to *:80:"
change 'lab.server02.bindings = nil'
ok "bound as they should be: all is done" ends 0 migrate --yes
ok "and says so" says "All is done"
ok "nothing is left open, and two never served" clean_hosts
lua 'return all()' >"$work/after"
ok "once more: nothing is left to do" ends 0 migrate --yes
ok "and nothing was done" is_as "$work/after"
ok "looked at anew, it is done too" ends 1 migrate --yes --again
ok "and nothing was done again" is_as "$work/after"

ok "all of it taken back" ends 0 migrate --undo --yes
ok "server01 serves as before" serves server01
change 'lab.fill(lab.server01, { [M .. "\\Domains\\a.test\\Users\\7.eml"] = "mail 7", [M .. "\\Spool\\1.eml"] = "waits" })
    lab.server01.files[(M .. "\\Domains\\a.test\\Users\\new.eml"):lower()] = nil'
ok "every byte of the servers is back" is_as "$work/before.hosts" hosts
ok "what was brought to the share is put aside" is \
    'return at(S .. "\\Service.undone-1\\domainlist.xml") ~= nil and at(S .. "\\Service\\domainlist.xml") == nil' true
ok "no mark is left on the share" is 'return at(S .. "\\.baton-share")' nil
ok "nothing is left open, and two never served" clean_hosts


# ---- init, by a person at a terminal ------------------------------------------------------------

with_person() { # CODE ANSWERS COMMAND ARG…
    local wanted=$1 answers=$2 code
    shift 2
    # shellcheck disable=SC2059  # the answers are a format: y\n
    printf "$answers" | script -qefc "$(printf '%q ' timeout --foreground 120 "$build/tools/baton/baton" "$1" mail \
        --config "$work/baton.xml" "${@:2}")" /dev/null >"$work/last" 2>&1
    code=$?
    [ $code -eq "$wanted" ] || { echo "it ended with $code" && cat "$work/last" && false; }
}
fresh
ok "a dry run of init" ends 0 init --dry-run
ok "it changed nothing" is_as "$work/before"
ok "init, asked at a terminal, is not begun" with_person 1 'n\n' init
ok "and nothing was changed" is_as "$work/before"
change 'lab.server01.ports = { { address = "0.0.0.0", port = 25 } }'
ok "init with a person" with_person 0 'y\ny\ny\ny\nskip\n' init
ok "who was told that it is not so" says "It is not so yet: bound to another address: 0.0.0.0:25"
ok "server01 serves" serves server01
ok "server02 is stopped" stopped server02
ok "the system files are on the share, as they were" is \
    'return at(S .. "\\Service\\domainlist.xml") == domainlist(M) and at(S .. "\\Service\\users.DAT") == at(P .. "\\users.DAT")' true
ok "mail data stay where they were" is 'return at(S .. "\\Spool\\1.eml")' nil
ok "both have the same failoverConfig.xml" is \
    'return at(P .. "\\failoverConfig.xml") == at(P .. "\\failoverConfig.xml", lab.server02)' true
ok "as JSON: nothing is left" ends 0 init --yes --json
ok "init taken back" ends 0 init --undo --yes
ok "the servers are as before" is_as "$work/before.hosts" hosts
ok "nothing is left open, and two never served" clean_hosts

# ---- Names that no script may trip over ---------------------------------------------------------------

# shellcheck disable=SC1112  # odd quotes are what it is about
change 'P, M, S = "D:\\it'"'"'s ’ $(exit 9) `n [x] %TEMP% & ü\\Service", "D:\\Mail {1} @(2) # '"'"'", "\\\\NAS01\\it'"'"'s $(x) [y] & ü"
    lab.shares[S] = share'
# shellcheck disable=SC1112
configure "D:\\it's ’ \$(exit 9) \`n [x] %TEMP% & ü\\Service" "D:\\Mail {1} @(2) # '" "\\\\NAS01\\it's \$(x) [y] & ü"
fresh
lua 'return all()' >"$work/before.odd"
lua 'return all("hosts")' >"$work/before.odd.hosts"
ok "odd folders: a dry run" ends 0 migrate --dry-run
ok "odd folders: it changed nothing" is_as "$work/before.odd"
ok "odd folders: to the downtime" ends 1 migrate --yes
ok "odd folders: all mail is on the share" is "$SAME_MAIL" 52
ok "odd folders: on to the licence" ends 1 migrate --yes
ok "odd folders: server02 serves" serves server02
ok "odd folders: paths are rewritten" is 'return at(S .. "\\Service\\domainlist.xml"):gsub("&apos;", "'"'"'") == domainlist(S, "\\")
    and at(S .. "\\Service\\mailconfig.xml"):gsub(("&apos;"):gsub(".", "%0\0"), "'"'"'\0") == mailconfig(S)' true
ok "odd folders: in JSON" is 'return at(S .. "\\Service\\Settings\\domains.json") == json(S)' true
ok "odd folders: failoverConfig.xml says where" is 'return at(P .. "\\failoverConfig.xml", lab.server02):find(
    "<SharedSystemFilesPath>" .. xml(S) .. "\\Service</SharedSystemFilesPath>", 1, true) ~= nil' true
ok "odd folders: taken back" ends 0 migrate --undo --yes
ok "odd folders: with every byte" is_as "$work/before.odd.hosts" hosts
change 'lab.shares[S] = nil
    P, M, S = "C:\\Program Files (x86)\\SmarterTools\\SmarterMail\\Service", "C:\\SmarterMail", "\\\\NAS01\\SmarterMail"'
configure "$SERVICE" 'C:\SmarterMail' '\\NAS01\SmarterMail'

# Mail on a drive of its own.
change 'M = "E:"'
configure "$SERVICE" 'E:\' '\\NAS01\SmarterMail'
fresh
change 'lab.fill(lab.server01, { ["E:\\System Volume Information\\x"] = "x", ["E:\\Service\\not mail"] = "x" })
    lab.server01.denied["E:\\System Volume Information"] = true
    lab.fill(lab.server01, { [S .. "\\$RECYCLE.BIN\\old"] = "x" })'
ok "a whole drive: to the downtime" ends 1 migrate --yes
change 'lab.server01.files["e:\\spool\\1.eml"] = nil'
ok "a whole drive: on to the licence" ends 1 migrate --yes
ok "a whole drive: the mail is there" is 'return at(S .. "\\Domains\\a.test\\Users\\50.eml")' "mail 50"
ok "a whole drive: what went is gone" is 'return at(S .. "\\Spool\\1.eml")' nil
ok "a whole drive: what is not mail stays" is \
    'return at(S .. "\\$RECYCLE.BIN\\old") == "x" and at(S .. "\\Service\\not mail") == nil' true
ok "a whole drive: paths are rewritten" is 'return at(S .. "\\Service\\domainlist.xml") == domainlist(S, "\\")' true
change 'M = "C:\\SmarterMail"'
configure "$SERVICE" 'C:\SmarterMail' '\\NAS01\SmarterMail'

# ---- A file of many pieces --------------------------------------------------------------------------

fresh
change 'big = function(root) local out = {} for i = 1, 20000 do
        out[i] = ("<d n=\"%d\" path=\"%s\\Domains\\d%d.test\">ü</d>\r\n"):format(i, root, i) end
        return "<domains>\r\n" .. table.concat(out) .. "</domains>" end
    lab.fill(lab.server01, { [P .. "\\domainlist.xml"] = big(M) })'
ok "to the downtime" ends 1 migrate --yes
ok "and on" ends 1 migrate --yes
ok "all of it is rewritten" is 'return at(S .. "\\Service\\domainlist.xml") == big(S)' true
ok "nothing is left open" clean_hosts

# ---- What goes wrong ------------------------------------------------------------------------------

# Up to where the downtime begins, and on.
to_downtime() { ends 1 migrate --yes && says "the downtime begins: this is for you to do"; }
is_as_stopped() { # but for what runs
    diff <(grep -v ' St' "$work/before.hosts") <(lua 'return all("hosts")' | grep -v ' St')
}
taken_back() { # all as it was, but for what is put aside on the share
    ends 0 migrate --undo --yes && is_as "$work/before.hosts" hosts && clean_hosts
}

fresh
change 'lab.server02.faults.no_share = true'
ok "a share that one server does not reach" ends 1 migrate --yes
ok "said of that server, with the cause" says "server02: can't say: The network path was not found."
ok "nothing was done to the servers" is_as "$work/before.hosts" hosts

fresh
change 'share.writable = false'
ok "a share that can't be written" ends 1 migrate --yes
ok "said with the cause" says "is denied. (a Kerberos login is not passed on"

fresh
change 'share.vanishes = 20'
ok "a share that vanishes in mid-copy" ends 1 migrate --yes
ok "said with the cause" says "ERROR 53 (0x00000035) "
ok "in words" says "The network path was not found."
ok "the service runs on, and its files are as they were" is_as "$work/before.hosts" hosts
change 'share.reachable = true'
ok "when it is back it goes on" to_downtime
ok "and has all" is "$SAME_MAIL" 52
change 'share.reachable = false'
ok "a share that is gone when it should be taken back" ends 1 migrate --undo --yes
ok "is no success" says "The network path was not found."
change 'share.reachable = true'
ok "when it is back, all is taken back" taken_back

fresh
change 'share.capacity = 3000'
ok "a share that is full" ends 1 migrate --yes
ok "said with the cause" says "ERROR 112 (0x00000070) Copying File"
ok "its files are as they were" is_as "$work/before.hosts" hosts

fresh
change 'lab.hold(lab.server01, M .. "\\Spool\\1.eml")'
ok "a file that is in use while the service runs waits for the last copy" to_downtime
ok "and it is said" says "copied; some files were in use, or went away meanwhile"
change 'lab.let_go(lab.server01)'
ok "the last copy" ends 1 migrate --yes
ok "has all" is "$SAME_MAIL" 52
fresh
ok "a file that is in use after the stop" to_downtime
change 'lab.server01.files[(M .. "\\Spool\\1.eml"):lower()] = "later" lab.hold(lab.server01, M .. "\\Spool\\1.eml")'
ok "is no success" ends 1 migrate --yes
ok "and is named" says 'ERROR 32 (0x00000020) Copying File C:\SmarterMail\Spool\1.eml'
change 'lab.let_go(lab.server01) lab.server01.files[(M .. "\\Spool\\1.eml"):lower()] = "waits"'
ok "all is taken back" taken_back

for fault in 'lab.server01.read_only[(P .. "\\failoverConfig.xml"):lower()] = true#it is read-only' \
    'lab.server01.denied[P .. "\\failoverConfig.xml"] = true#is denied.' \
    'lab.server01.denied[P .. "\\failoverConfig.xml.baton-new"] = true#is denied.' \
    'lab.fill(lab.server01, { [P .. "\\failoverConfig.xml"] = "<a><IsEnabled>False</IsEnabled><IsEnabled/></a>" })#twice' \
    'lab.fill(lab.server01, { [P .. "\\failoverConfig.xml"] = "<failover><IsEnabled>Fal" })#failoverConfig.xml' \
    'lab.server02.read_only[(P .. "\\failoverConfig.xml"):lower()] = true#server02: C:\Program Files (x86)'; do
    fresh
    change "${fault%#*}"
    lua 'return all("hosts")' >"$work/now.hosts"
    ok "${fault%#*}: to the downtime" ends 1 migrate --yes
    ok "${fault%#*}: no success" ends 1 migrate --yes
    ok "${fault%#*}: said so" says "${fault#*#}"
    ok "${fault%#*}: taken back" ends 0 migrate --undo --yes
    ok "${fault%#*}: the original is untouched, and all runs as before" is_as "$work/now.hosts" hosts
done

# Files on the share that can't be replaced in one step, or only by half.
for fault in no_replace half_replaced; do
    fresh
    ok "$fault: to the downtime" to_downtime
    change "lab.server01.faults.$fault = true"
    ok "$fault: on to the licence" ends 1 migrate --yes
    ok "$fault: rewritten" is 'return at(S .. "\\Service\\domainlist.xml") == domainlist(S, "\\")' true
    ok "$fault: with a backup" is 'return at(S .. "\\Service\\domainlist.xml.before-baton") == domainlist(M)' true
    ok "$fault: nothing else is left" is 'for path in pairs(share.files) do if path:find "baton%-new" then return path end end' nil
    ok "$fault: taken back" taken_back
done

fresh
ok "a file that can be moved away, and none in its place: to the downtime" to_downtime
change 'lab.server01.faults.no_replace = true lab.server01.faults.stuck = ".baton-new"'
ok "is no success" ends 1 migrate --yes
ok "and said so" says "because it is being used by another process."
ok "the old one is back where it was" is_as_stopped
change 'lab.server01.faults = {}'
ok "taken back, after a file that could not be put in its place" taken_back

fresh
change 'lab.server01.files[(P .. "\\domainlist.xml"):lower()] = domainlist(M):sub(1, 200)'
lua 'return all("hosts")' >"$work/now.hosts"
ok "a domainlist.xml that is half written: to the downtime" to_downtime
ok "is no success" ends 1 migrate --yes
ok "and is named" says '\\NAS01\SmarterMail\Service\domainlist.xml: '
ok "taken back" ends 0 migrate --undo --yes
ok "with all as it was" is_as "$work/now.hosts" hosts

fresh
change 'lab.server01.faults["stop-service"] = "denied"'
ok "a service that may not be stopped: to the downtime" to_downtime
ok "is no success" ends 1 migrate --yes
ok "and said" says "stop MailService: Access is denied."
ok "nothing was written" is 'return at(P .. "\\failoverConfig.xml"):find "True"' nil
change 'lab.server01.faults = {}'
ok "taken back" taken_back

# Runs that something happens to in the middle.
begin() { # COMMAND ARG…
    "$build/tools/baton/baton" "$1" mail --config "$work/baton.xml" "${@:2}" </dev/null >"$work/last.begun" 2>&1 &
    begun=$!
}
begun_ends() { # CODE
    local code
    wait "$begun"
    code=$?
    cp "$work/last.begun" "$work/last"
    [ $code -eq "$1" ] || { echo "it ended with $code" && cat "$work/last" && false; }
}
wait_for() { # COMMAND…
    local end=$((SECONDS + 20))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { "$@"; return 1; }
        sleep 0.05
    done
}
copies() { is 'return next(share.files, next(share.files, next(share.files))) ~= nil' true; }

fresh
change 'lab.server01.faults.robocopy = 0.2'
begin migrate --yes
ok "a copy is under way" wait_for copies
change 'lab.server01.faults.down = true'
ok "a host that goes down in mid-copy" begun_ends 1
ok "is named" says "server01: "
change 'lab.server01.faults = {}'
ok "its files are as they were" is_as "$work/before.hosts" hosts
ok "when it is back, it goes on" to_downtime
ok "and has all" is "$SAME_MAIL" 52
ok "nothing is left open, and two never served" clean_hosts

fresh
change 'lab.server01.faults.robocopy = 0.2'
begin migrate --yes
ok "another copy is under way" wait_for copies
kill -INT $begun
ok "baton is told to end" begun_ends 1
ok "the copy ends with it: nothing is left open" wait_for clean_hosts
change 'lab.server01.faults = {}'
ok "it goes on later" to_downtime
ok "with all" is "$SAME_MAIL" 52

fresh
ok "to the downtime, before a host goes down in a stop" to_downtime
change 'lab.server01.faults["stop-service"] = "hung"'
begin migrate --yes
ok "the stop hangs" wait_for is 'return lab.server01.services.MailService.status' StopPending
change 'lab.server01.faults = { down = true }'
ok "the host goes down in it" begun_ends 1
ok "nothing was started elsewhere" stopped server02
change 'lab.server01.faults = {} lab.server01.services.MailService.status = "Running"'
ok "when it is back, it goes on to the licence" ends 1 migrate --yes
ok "server02 serves alone" serves server02
ok "nothing is left open, and two never served after all that" clean_hosts
ok "and all can be taken back" taken_back

fresh
change 'lab.server01.faults.robocopy = 0.02'
ok "a copy at a terminal" with_person 1 'y\nn\n' migrate
ok "has a bar" grep -qE "█.* [0-9]+ %" "$work/last"

echo "$passed passed, $failed failed"
exit $((failed > 0))
