#!/bin/bash
# The checker of the proof, with forged evidence: it believes what is good, and finds each lie.
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/baton-check.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# What a good run leaves: server01 has the address for two seconds, is isolated and stops, and
# server02 takes it three seconds later.
good() {
    rm -rf "${work:?}"/*
    mkdir -p "$work/seen" "$work/client"
    awk 'BEGIN {
        for (t = 1100000; t < 3000000; t += 50000) print t, t + 900, "client smtp server01"
        for (t = 6100000; t < 9000000; t += 50000) print t, t + 900, "client smtp server02"
        print 2000000, 2000400, "client arp server01" }' >"$work/seen/answers"
    printf '%s\n' "1000000 1002000 server01 up" "3000000 3002000 server01 down" \
        "6000000 6002000 server02 up" >"$work/seen/addresses"
    : >"$work/seen/pulse"
    printf '%s\n' "1 server01" "2 server02" >"$work/grants.server01"
    printf '%s\n' "1 server01" "2 server02" >"$work/grants.server02"
    echo "2 server02" >"$work/grants.server03"
    printf '%s\n' "1 1 1 server01" "2 3 2 server02" >"$work/client/accepted"
    printf '%s\n' "<1.run@client.baton.test>" "<2.run@client.baton.test>" >"$work/found"
    echo "2500000 5000000 isolate server01" >"$work/faults"
    printf '%s\n' "bound_ms 3000" "ends_us 9000000" "run run" "least 20" >"$work/setup"
}

says() { # WANTED_RC WORDS: of the checker
    lua5.4 "$here/peers/check.lua" "$work" >"$work/said" 2>&1
    [ $? -eq "$1" ] && grep -qF "$2" "$work/said"
}

expect() { # WHAT RC WORDS
    if says "$2" "$3"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "$1: the checker should end with $2 and say \"$3\", but:"
        sed 's/^/    /' "$work/said"
    fi
}

forge() { # WHAT WORDS COMMAND…: good evidence but for what the command does to it
    good
    (cd "$work" && "${@:3}")
    expect "$1" 1 "VIOLATED, $2"
}

append() { echo "$2" >>"$1"; }
replace() { sed -i "$2" "$1"; }

good
expect "good evidence" 0 "violations"
good
replace "$work/seen/addresses" 's/^6000000 6002000/3001000 3003000/'
expect "a change of hands within two milliseconds, in which nothing is certain" 0 "tell them apart"
forge "both have the address" "two had the address: server01 and server02" \
    replace seen/addresses 's/^3000000 3002000/7000000 7002000/'
forge "one never loses it" "two had the address" replace seen/addresses '/down/d'
forge "both for the length of a blink" "two had the address" \
    replace seen/addresses 's/^3000000 3002000/6002010 6004000/'
forge "an answer of one that hasn't the address" "answered without the address: server01" \
    append seen/answers "7000000 7000400 client arp server01"
forge "an answer of nobody's card" "answered without the address: ?" \
    append seen/answers "7000000 7000400 client arp ?"
forge "an epoch granted twice" "epochs: epoch 2 was granted to server02 and to server03" \
    replace grants.server03 's/server02/server03/'
forge "an epoch that does not rise" "epochs: server01 has a grant of epoch 1 after one of 2" \
    append grants.server01 "1 server01"
forge "a lost mail" "mail: number 2" replace found '/<2\./d'
forge "a mail of another run" "mail: number 2" replace found 's/<2\.run/<2.walk/'
forge "the service is back too late" "back in time: after isolate of server01" \
    replace setup 's/bound_ms 3000/bound_ms 1000/'
forge "it never comes back" "back in time: after isolate of server01, which ended at 5000000: not at all" \
    replace seen/answers "/server02/d"
forge "the witness slept" "evidence: the witness did not run" append seen/pulse "4000000 6000000"
forge "no witness" "evidence: seen/addresses is missing" rm seen/addresses
forge "a history is missing" "evidence: grants.server02 is missing" rm grants.server02
forge "hardly an answer" "evidence: only" replace setup 's/least 20/least 2000/'
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
