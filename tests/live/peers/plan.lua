-- What is done to the lab, by seed: lines "ROUND KIND FOR_MS TARGET [TARGET]", each round of one or
-- two faults that are there together. The same seed, the same lines.
--
--   lua5.4 plan.lua SEED ROUNDS
--
-- A target is a server, or "holder" or "other": whoever has the address then, or hasn't.
-- Never together on one server: what happens to its guardian, and what happens to its daemon.
-- One of the two has to live; that both don't is for a hardware watchdog.

local seed, rounds = tonumber(arg[1]), tonumber(arg[2])
if not seed or not rounds then
    io.stderr:write("usage: plan.lua SEED ROUNDS\n")
    os.exit(2)
end
math.randomseed(seed)

local kinds = { -- name, weight, whom it befalls
    { "cut-one-way", 3, "two" }, -- the second hears nothing of the first
    { "cut", 2, "two" },
    { "isolate", 3, "one" }, -- from everybody
    { "minority", 3, "one" }, -- from the other servers, not from the clients
    { "kill-batond", 3, "one" },
    { "stall-batond", 3, "one" },
    { "kill-guardian", 1, "one" },
    { "stall-guardian", 1, "one" },
    { "kill-etcd", 2, "one" },
    { "stall-etcd", 2, "one" },
    { "kill-mail", 3, "one" },
    { "stall-mail", 2, "one" },
    { "step-clock", 2, "one" },
    { "fill-disk", 2, "one" },
}
local targets = { "holder", "holder", "holder", "other", "server01", "server02", "server03" }

local function pick(list)
    return list[math.random(#list)]
end

-- Every kind comes up before one comes up again, in an order that is the seed's.
local bag = {}
local function draw()
    if #bag == 0 then
        for _, kind in ipairs(kinds) do
            for _ = 1, kind[2] do
                table.insert(bag, math.random(#bag + 1), kind)
            end
        end
        local seen, first, rest = {}, {}, {}
        for _, kind in ipairs(bag) do
            table.insert(seen[kind] and rest or first, kind)
            seen[kind] = true
        end
        bag = table.move(first, 1, #first, #rest + 1, rest)
    end
    return table.remove(bag)
end

local function line(round, kind, long_ms)
    local first, second = pick(targets), nil
    if kind[3] == "two" then
        repeat
            second = pick(targets)
        until second ~= first
    end
    print(("%d %s %d %s%s"):format(round, kind[1], long_ms, first, second and " " .. second or ""))
end

for round = 1, rounds do
    local long_ms = math.random(2, 9) * 1000
    local kind = draw()
    line(round, kind, long_ms)
    if math.random() < 0.25 and not kind[1]:find("guardian") then
        local other
        repeat
            other = pick(kinds)
        until not other[1]:find("guardian")
        line(round, other, math.random(2, 9) * 1000)
    end
end
