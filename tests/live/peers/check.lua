-- Proves from what was seen and written down that the baton was never in two hands.
--
--   lua5.4 check.lua DIRECTORY
--
-- Reads in DIRECTORY
--   seen/addresses, seen/answers, seen/pulse   the witness's, see witness.h
--   faults             "BEGIN_US END_US KIND TARGETS"
--   grants.SERVER      "EPOCH NODE", of that server's history, oldest first
--   client/accepted    "NUMBER …": mail that a server has taken
--   found              Message-IDs of what is in the mailbox, "<NUMBER.RUN@…>", one a line
--   setup              "bound_ms N", "ends_us N", "run NAME", "least N" (answers there must be)
-- Prints a table; ends with 0 where nothing was violated, with 1 where something was.
--
-- What was seen is known to have happened between two moments. That two had the address counts
-- where it is certain: the later one had got it before the earlier one can have lost it.

local directory = arg[1] or error "usage: check.lua DIRECTORY"
local violations, n_violations = {}, 0

local function violated(kind, text, ...)
    n_violations = n_violations + 1
    violations[kind] = (violations[kind] or 0) + 1
    if violations[kind] <= 5 then
        print(("VIOLATED, %s: "):format(kind) .. text:format(...))
    end
end

-- Lines of a file as lists of words; none where it may be missing.
local function rows(name, optional)
    local file = io.open(directory .. "/" .. name)
    if not file then
        if not optional then
            violated("evidence", "%s is missing", name)
        end
        return {}
    end
    local list = {}
    for line in file:lines() do
        local words = {}
        for word in line:gmatch "%S+" do
            words[#words + 1] = tonumber(word) or word
        end
        list[#list + 1] = words
    end
    file:close()
    return list
end

local setup = {}
for _, row in ipairs(rows "setup") do
    setup[row[1]] = row[2]
end
local ends_us = setup.ends_us or math.maxinteger

-- ---- Who had the address, and when -------------------------------------------------------

local had, hosts = {}, {} -- had[host]: stretches { from_earliest, from_latest, to_earliest, to_latest }
for _, row in ipairs(rows "seen/addresses") do
    local earliest, latest, host, what = table.unpack(row)
    if not had[host] then
        had[host] = {}
        hosts[#hosts + 1] = host
    end
    local last = had[host][#had[host]]
    if what == "up" then
        table.insert(had[host], { earliest, latest, math.maxinteger, math.maxinteger })
    elseif last then
        last[3], last[4] = earliest, latest
    end
end
table.sort(hosts)

local n_stretches, n_close = 0, 0
for i, one in ipairs(hosts) do
    n_stretches = n_stretches + #had[one]
    for j = i + 1, #hosts do
        for _, a in ipairs(had[one]) do
            for _, b in ipairs(had[hosts[j]]) do
                local from, to = math.max(a[2], b[2]), math.min(a[3], b[3])
                if from < to then
                    violated("two had the address", "%s and %s from %d for %.1f ms", one, hosts[j], from,
                        (math.min(to, ends_us) - from) / 1000)
                elseif math.max(a[1], b[1]) < math.min(a[4], b[4]) then
                    n_close = n_close + 1
                end
            end
        end
    end
end

-- ---- Who answered -------------------------------------------------------------------------

local greeted, n_answers = {}, 0
for _, row in ipairs(rows "seen/answers") do
    local earliest, latest, from, how, host = table.unpack(row)
    local may = false
    for _, stretch in ipairs(had[host] or {}) do
        may = may or (stretch[1] <= latest and stretch[4] >= earliest)
    end
    if not may then
        violated("answered without the address", "%s to %s by %s at %d", host, from, how, latest)
    end
    n_answers = n_answers + 1
    if from == "client" and how == "smtp" then
        greeted[#greeted + 1] = latest
    end
end
table.sort(greeted)
if n_answers < (setup.least or 1) then
    violated("evidence", "only %d answers were seen, fewer than %d", n_answers, setup.least or 1)
end

local blind_us = 0
for _, row in ipairs(rows "seen/pulse") do
    blind_us = blind_us + row[2] - row[1]
end
if #greeted > 1 and blind_us > 0.1 * (greeted[#greeted] - greeted[1]) then
    violated("evidence", "the witness did not run for %.1f s", blind_us / 1e6)
end

-- ---- Epochs ---------------------------------------------------------------------------------

local given, n_grants = {}, 0
for _, server in ipairs { "server01", "server02", "server03" } do
    local last = 0
    for _, row in ipairs(rows("grants." .. server)) do
        local epoch, node = row[1], row[2]
        if epoch <= last then
            violated("epochs", "%s has a grant of epoch %d after one of %d", server, epoch, last)
        end
        if given[epoch] and given[epoch] ~= node then
            violated("epochs", "epoch %d was granted to %s and to %s", epoch, given[epoch], node)
        end
        if not given[epoch] then
            given[epoch] = node
            n_grants = n_grants + 1
        end
        last = epoch
    end
end
if n_grants == 0 then
    violated("evidence", "no grant is in any history")
end

-- ---- Mail -------------------------------------------------------------------------------------

local copies, n_accepted, n_lost, n_twice = {}, 0, 0, 0
for _, row in ipairs(rows "found") do
    local number, run = tostring(row[1]):match "^<(%d+)%.(.-)@"
    if run and (not setup.run or run == setup.run) then
        copies[tonumber(number)] = (copies[tonumber(number)] or 0) + 1
    end
end
for _, row in ipairs(rows "client/accepted") do
    local n = copies[row[1]] or 0
    n_accepted = n_accepted + 1
    n_twice = n_twice + (n > 1 and 1 or 0)
    if n == 0 then
        n_lost = n_lost + 1
        violated("mail", "number %d was accepted and is nowhere", row[1])
    end
end
if n_accepted == 0 then
    violated("evidence", "no mail was accepted")
end

-- ---- Faults: is the service back in time? ----------------------------------------------------

local function first_after(us)
    local low, high = 1, #greeted + 1
    while low < high do
        local middle = (low + high) // 2
        if greeted[middle] > us then
            high = middle
        else
            low = middle + 1
        end
    end
    return greeted[low], greeted[low - 1]
end

-- The longest time without a greeting that began or ended between two moments.
local function worst_gap(from_us, to_us)
    local worst, at = 0, from_us
    repeat
        local next_us, before_us = first_after(at)
        if next_us and before_us then
            worst = math.max(worst, next_us - before_us)
        end
        at = next_us
    until not at or at > to_us
    return worst
end

local kinds, names = {}, {}
local bound_ms = setup.bound_ms or 0
for _, row in ipairs(rows "faults") do
    local begin_us, end_us, kind = row[1], row[2], row[3]
    if not kinds[kind] then
        kinds[kind] = { n = 0, outage = 0, back = 0 }
        names[#names + 1] = kind
    end
    local sum, back_us = kinds[kind], first_after(end_us)
    sum.n = sum.n + 1
    sum.outage = math.max(sum.outage, worst_gap(begin_us, end_us + bound_ms * 1000))
    if back_us then
        sum.back = math.max(sum.back, back_us - end_us)
    end
    if (back_us or ends_us) - end_us > bound_ms * 1000 then
        violated("back in time", "after %s of %s, which ended at %d: %s, allowed are %.1f s", kind, row[4] or "?",
            end_us, back_us and ("%.1f s"):format((back_us - end_us) / 1e6) or "not at all", bound_ms / 1000)
    end
end
table.sort(names)

-- ---- The table ---------------------------------------------------------------------------------

print(("\n%-18s %7s %22s %22s"):format("fault", "times", "longest outage near", "back after its end"))
for _, name in ipairs(names) do
    local sum = kinds[name]
    print(("%-18s %7d %20.2f s %20.2f s"):format(name, sum.n, sum.outage / 1e6, sum.back / 1e6))
end
local worst = #greeted > 1 and worst_gap(greeted[1], greeted[#greeted]) or 0
print(("\n%-44s %10d"):format("times that a server got the address", n_stretches))
print(("%-44s %10d"):format("  too near another's to tell them apart", n_close))
print(("%-44s %10d"):format("epochs granted", n_grants))
print(("%-44s %10d"):format("answers of the address", n_answers))
print(("%-44s %10.2f s"):format("longest outage", worst / 1e6))
print(("%-44s %10d"):format("mails accepted", n_accepted))
print(("%-44s %10d"):format("  lost", n_lost))
print(("%-44s %10d"):format("  found more than once", n_twice))
print(("%-44s %10d"):format("violations", n_violations))
os.exit(n_violations == 0 and 0 or 1)
