#!/bin/bash
# The page of `baton simulate --html` in a real browser: what is drawn is what the run says, in
# the right places, readable, in light and dark; and the page asks nobody for anything.
#
# Chromium draws the page as it is; a copy of it, with a script instead of the policy that
# forbids scripts, measures what was drawn.
#
#   simulate-page.sh BUILD_DIRECTORY
set -u -o pipefail

build=$(cd "$1" && pwd) || exit 2
source=$(cd "$(dirname "$0")/../.." && pwd) || exit 2
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
    echo "skipped: there is no chromium"
    exit 77
}
work=$(mktemp -d "${TMPDIR:-/tmp}/baton-page.XXXXXX") || exit 2
# A browser's helpers may outlive it for a moment; its profile is named in their arguments.
clean_up() {
    local pids tries
    for tries in 1 2 3 4 5 6 7 8 9 10; do
        pids=$(pgrep -f -- "--[a-z-]+=$work/profile")
        [ -n "$pids" ] || break
        # shellcheck disable=SC2086  # one word a process
        [ $tries -lt 5 ] || kill -KILL $pids 2>/dev/null
        sleep 0.2
    done
    rm -rf "$work"
}
trap clean_up EXIT
passed=0 failed=0

ok() { # NAME COMMAND…
    local name=$1 said
    shift
    if said=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf '%s:\n%s\n' "$name" "${said:-  is not so}" | head -n 20
    fi
}

# Its own requests for updates and the like go nowhere; so would those of a page, but each is in
# the log. What the machine lacks (a bus, a GPU) is no matter.
browse() { # URL OPTION…
    local url=$1
    shift
    timeout -k 5 90 "$chromium" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
        --disable-background-networking --disable-component-update --disable-sync \
        --disable-dev-shm-usage --hide-scrollbars --no-proxy-server \
        --host-resolver-rules='MAP * ~NOTFOUND' --enable-logging=stderr \
        --log-net-log="$work/net.json" --user-data-dir="$work/profile" "$@" "$url" 2>"$work/chromium.log"
    local rc=$?
    rm -rf "$work/profile"
    return $rc
}
console() { grep -a ':CONSOLE:' "$work/chromium.log"; }
requests() { grep -a '"network_isolation_key":"file://' "$work/net.json" | grep -oE '"url":"[^"]*"' | sort -u; }
silent() { [ -s "$work/net.json" ] && ! { console || requests; }; }

# ---- the runs ------------------------------------------------------------------------------

cat >"$work/baton.xml" <<END
<baton>
  <state directory="state"/>
  <control socket="control.sock"/>
  <lua directory="$source/lua"/>
  <group name="mail">
    <address ip="10.9.0.100/24" interface="eth0"/>
    <share path="/srv/mail"/>
    <gateway address="10.9.0.254"/>
    <policy file="$source/policies/postfix-floating-ip.lua">
      <set name="unconfirmed" value="fence"/>
      <set name="failback_after" value="600"/>
    </policy>
    <node name="server01" address="10.9.0.1" priority="1"><ssh user="root"/></node>
    <node name="server02" address="10.9.0.2" priority="2"><ssh user="root"/></node>
  </group>
</baton>
END
cat >"$work/lunch.lua" <<'END'
return scenario "the primary <dies> at \"lunch\" & comes back" {
    at(60,  crash "server01"),
    at(300, recover "server01"),
    expect.active("server02", { from = 95, to = 880 }),
    expect.active("server01", { by = 960 }),
    expect.outage { at_most = 1 },
}
END
cat >"$work/day.lua" <<'END'
local day = {}
for hour = 1, 23 do
    table.insert(day, at(hour * 3600, crash_service "server01", cut("client", "gateway")))
    table.insert(day, at(hour * 3600 + 300, recover_service "server01", mend("client", "gateway")))
end
return scenario "a day on which something happens every hour" { day, ends(86400) }
END
baton=$build/tools/baton/baton
simulate() { "$baton" simulate "$work/baton.xml" "$@" >"$work/out" 2>"$work/err"; }
simulate "$work/lunch.lua" --json --html "$work/lunch.html"
cp "$work/out" "$work/lunch.json"
simulate "$work/day.lua" "$work/lunch.lua" --html "$work/both.html"
ok "pages are written" [ -s "$work/lunch.html" -a -s "$work/both.html" ]
[ $failed -eq 0 ] || cat "$work/err"

# ---- as it is ------------------------------------------------------------------------------

for page in lunch both; do
    browse "file://$work/$page.html" --dump-dom >"$work/$page.dom"
    ok "$page.html asks for nothing, and the console says nothing" silent
    ok "$page.html is read to its end" grep -q '</html>' "$work/$page.dom"
done
# That these would be seen:
sed 's,</body>,<img src="http://192.0.2.1/seen.png"><script>1</script></body>,' "$work/lunch.html" >"$work/spoilt.html"
browse "file://$work/spoilt.html" --dump-dom >"$work/spoilt.dom"
ok "its policy forbids an image" eval 'console | grep -q seen.png'
ok "its policy forbids a script" eval 'console | grep -q "inline script"'
ok "and nothing is asked for then" eval '! requests | grep -q .'
sed 's,<meta http-equiv[^>]*>,,' "$work/spoilt.html" >"$work/open.html"
browse "file://$work/open.html" --dump-dom >"$work/open.dom"
ok "without it the image would be asked for" eval 'requests | grep -q seen.png'

# ---- measured ------------------------------------------------------------------------------

cat >"$work/measure.js" <<'END'
const box = element => {
    const b = element.getBoundingClientRect();
    return { left: b.left, right: b.right, top: b.top, bottom: b.bottom };
};
const all = (within, selector) => [...within.querySelectorAll(selector)];
const fill = element => getComputedStyle(element).fill;
const number = (element, name) => Number(element.dataset[name]);
function overlaps(svg) {
    const texts = all(svg, "text").map(t => ({ text: t.textContent, b: box(t) }));
    const found = [];
    texts.forEach((one, i) => texts.slice(i + 1).forEach(two => {
        const x = Math.min(one.b.right, two.b.right) - Math.max(one.b.left, two.b.left);
        const y = Math.min(one.b.bottom, two.b.bottom) - Math.max(one.b.top, two.b.top);
        if (x > 3 && y > 3) found.push(one.text + " / " + two.text);
    }));
    return found;
}
const drawings = all(document, "svg.lanes").map(svg => ({
    box: box(svg),
    lanes: all(svg, ".lane").map(lane => ({
        node: lane.dataset.node,
        states: all(lane, ".state").map(state => ({
            state: state.dataset.state, from: number(state, "from"), to: number(state, "to"),
            fill: fill(state.querySelector("rect")), box: box(state.querySelector("rect")),
            label: state.querySelector(":scope > text")?.textContent ?? "",
        })),
    })),
    outages: all(svg, ".outage").map(band => ({
        from: number(band, "from"), to: number(band, "to"), box: box(band.querySelector("rect")),
    })),
    flags: all(svg, ".flag").map(flag => {
        const b = box(flag.querySelector("circle"));
        return { at: number(flag, "at"), x: (b.left + b.right) / 2, text: flag.querySelector(":scope > text")?.textContent ?? "" };
    }),
    overlaps: overlaps(svg),
}));
const measured = {
    drawings,
    background: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.body).color,
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    links: all(document, "table.index a").filter(a => document.querySelector(a.getAttribute("href"))).length,
    title: document.title,
};
const pre = document.createElement("pre");
pre.id = "measured";
pre.textContent = btoa(unescape(encodeURIComponent(JSON.stringify(measured))));
document.body.append(pre);
END

measure() { # NAME OPTION…: into NAME.measured
    local name=$1
    shift
    {
        sed 's,<meta http-equiv[^>]*>,,; s,</body>.*,,' "$work/$name.html"
        echo '<script>' && cat "$work/measure.js" && echo '</script></body></html>'
    } >"$work/measure.html"
    browse "file://$work/measure.html" --dump-dom "$@" |
        sed -n 's,.*<pre id="measured">\([^<]*\)</pre>.*,\1,p' | base64 -d >"$work/$name.measured"
    [ -s "$work/$name.measured" ] || echo "nothing could be measured of $name.html"
}
say() { jq -e --slurpfile run "$work/lunch.json" "$1" "$work/lunch.measured"; }

measure lunch --window-size=1280,900
run='$run[0].scenarios[0]'
ok "its title is the scenario's" say ".title == $run.name"
ok "a lane for each node" say "[.drawings[0].lanes[].node] == $run.nodes"
# Spans with the same state one after another are one bar.
ok "each lane's states, in order and at their times" say "
    def bars: reduce .[] as \$s ([]; if length > 0 and .[-1].state == \$s.state then .[-1].to = \$s.to else . + [\$s] end);
    . as \$page | $run as \$r | all(\$r.nodes[]; . as \$node
        | [\$r.spans[] | select(.node == \$node and .to_ms > .from_ms) | {state, from: .from_ms, to: .to_ms}] | bars
        | . == [\$page.drawings[0].lanes[] | select(.node == \$node) | .states[] | {state, from, to}])"
ok "and in order from left to right, without holes" say '
    all(.drawings[0].lanes[].states; . as $s | all(range(1; length); ($s[.].box.left - $s[. - 1].box.right) | fabs < 1.5))'
ok "a state has a colour, and no two have the same" say '
    [.drawings[0].lanes[].states[] | {state, fill}] | unique | group_by(.state) | all(length == 1)
        and (map(.[0].fill) | unique | length) == length and length >= 4'
ok "and words, where there is room" say '
    all(.drawings[0].lanes[].states[]; .box.right - .box.left < 12 or .label != "")'
ok "lanes lie one beneath another" say '
    [.drawings[0].lanes[].states[0].box] | .[0].bottom < .[1].top'
ok "the outage is where the run says" say "
    [.drawings[0].outages[] | {from_ms: .from, to_ms: .to}] == $run.outages and ($run.outages | length) > 0"
ok "its band begins at the flag of the crash" say '
    .drawings[0] | (.flags[] | select(.text | contains("server01")) | select(.at == 60000)) as $crash
    | (.outages[] | select(.from == 60000)).box.left - $crash.x | fabs < 1.5'
ok "and goes through all lanes" say '
    .drawings[0] | .outages[0].box as $band
    | all(.lanes[].states[].box; .top > $band.top and .bottom < $band.bottom)'
ok "no words lie over others" say '.drawings[0].overlaps == [] or error(.drawings[0].overlaps | join("\n"))'
ok "the page is as wide as the window" say '.wide <= 0'
ok "the drawing fits into it" say '.drawings[0].box.right <= 1280'
ok "light" say '.background | test("25[0-9], 25[0-9], 2[45][0-9]")'

measure lunch --window-size=1280,900 --blink-settings=preferredColorScheme=0
ok "dark, where the browser wants it" say '.background | test("rgb\\([12]?[0-9], [12]?[0-9], [12]?[0-9]\\)")'
ok "with light words" say '.ink | test("rgb\\(2")'
measure lunch --window-size=500,900
ok "on a telephone the drawing scrolls, not the page" say '.wide <= 0 and .drawings[0].box.right > 500'

measure both --window-size=1280,900
both() { jq -e "$1" "$work/both.measured"; }
ok "of two scenarios, both are drawn and found" both '(.drawings | length) == 2 and .links == 2'
ok "a day has a drawing that can be scrolled" both '.drawings[0].box | .right - .left < 2600'
ok "with a flag for each thing that happened" both '.drawings[0].flags | length == 92'
ok "and no words over others" both '.drawings[0].overlaps == [] or error(.drawings[0].overlaps | join("\n"))'

# ---- seen ----------------------------------------------------------------------------------

# The browser itself counts the colours of its picture.
browse "file://$work/lunch.html" --window-size=1280,900 --screenshot="$work/shot.png" >/dev/null
cat >"$work/count.html" <<END
<!DOCTYPE html><body><img id="shot" src="data:image/png;base64,$(base64 -w0 "$work/shot.png")"><script>
const shot = document.getElementById("shot");
const count = () => {
    const canvas = document.createElement("canvas");
    canvas.width = shot.naturalWidth; canvas.height = shot.naturalHeight;
    const context = canvas.getContext("2d");
    context.drawImage(shot, 0, 0);
    const data = context.getImageData(0, 0, canvas.width, canvas.height).data, seen = new Map();
    for (let i = 0; i < data.length; i += 4) {
        const colour = data[i] + "," + data[i + 1] + "," + data[i + 2];
        seen.set(colour, (seen.get(colour) ?? 0) + 1);
    }
    const many = [...seen].filter(([, n]) => n > 200).map(([colour]) => colour);
    document.body.innerHTML = '<pre id="colours">' + canvas.width + "x" + canvas.height + " " + many.join(" ") + "</pre>";
};
if (shot.complete) count(); else shot.onload = count;
</script></body>
END
browse "file://$work/count.html" --dump-dom --virtual-time-budget=10000 |
    sed -n 's,.*<pre id="colours">\([^<]*\)</pre>.*,\1,p' >"$work/colours"
ok "the picture has the size of the window" grep -q '^1280x900 ' "$work/colours"
colour() { grep -qF " $1" "$work/colours" || { cat "$work/colours" && false; }; }
ok "what is Active is seen in its colour" colour 46,125,91
ok "what is Standby, too" colour 197,211,223
ok "and the outage" colour 194,54,47

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
