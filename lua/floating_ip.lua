--- The floating address: take it, give it up, see where it is.
--
-- On nodes that are reached by ssh this is done with iproute2's `ip`, and announced with
-- `arping` (Debian: iputils-arping) or, for IPv6, `ndptool` (libndp-tools). A missing one
-- does not stop the move: neighbours then notice it a little later. On a local node the
-- daemon does it itself through netlink.
--
-- Address and interface are those of the configuration (floating=, interface=) unless the
-- action names others.

local remote = require "remote"

local floating_ip = {}

local request_address = address -- the global one; below the word means an address

---@class FloatingIpOptions
---@field address? string    "10.9.0.100/24" or "fd00::9/64"; the group's if missing
---@field interface? string  on the nodes; the group's if missing
---@field deadline? number   seconds for one attempt (10)
---@field attempts? integer  (1)

-- The end of `ip`'s answer decides, so that no answer is never taken for "not there".
local PRESENT = [[
found=$(ip -o address show to "$1") || exit 9
[ -n "$found" ] || exit 3
echo "$found"]]

-- IPv6 without duplicate detection: Baton has confirmed every other node out, and the
-- address must not be tentative for a second. The announcement goes on by itself in the
-- background, cut off from ssh's streams, so that it never delays the step.
local ANNOUNCE = [[
case $1 in
*:*)
    if command -v ndptool >/dev/null; then
        for n in 1 2 3; do ndptool -t na -U -i "$2" -T "$1" send; sleep 1; done </dev/null >/dev/null 2>&1 &
    else
        echo "ndptool (libndp-tools) is not installed: neighbours notice the move late" >&2
    fi ;;
*)
    if command -v arping >/dev/null; then
        { arping -q -U -c 3 -w 4 -I "$2" "$1"; arping -q -A -c 2 -w 3 -I "$2" "$1"; } </dev/null >/dev/null 2>&1 &
    else
        echo "arping (iputils-arping) is not installed: neighbours notice the move late" >&2
    fi ;;
esac
exit 0]]

local ADD = [[
if [ -z "$(ip -o address show dev "$2" to "$1")" ]; then
    case $1 in
    *:*) ip -6 address add "$3" dev "$2" nodad || exit 1 ;;
    *) ip address add "$3" dev "$2" || exit 1 ;;
    esac
fi
]] .. ANNOUNCE

-- From whatever interface and with whatever prefix it is there.
local REMOVE = [[
found=$(ip -o address show to "$1") || exit 1
[ -n "$found" ] || exit 0
echo "$found" | while read -r _ dev _ address _; do
    ip address del "$address" dev "${dev%@*}" || exit 1
done]]

local function without_prefix(address)
    return address and address:match("^([^/]+)")
end

local own_cidr, own_interface = group.floating, group.interface
local own_address = without_prefix(own_cidr)

local function words(address)
    return { yes = address .. " is up", no = address .. " is not there" }
end

local own_words = own_address and words(own_address)
local absent = { [3] = true } -- how PRESENT ends

local function place(options)
    local cidr = options.address or own_cidr
    local interface = options.interface or own_interface
    if not cidr then
        error("no floating address: the group needs floating=\"ADDRESS/PREFIX\"", 0)
    end
    if not interface then
        error("no interface for the floating address: the group needs interface=\"NAME\"", 0)
    end
    return cidr, options.address and without_prefix(cidr) or own_address, interface
end

local function run(node, op, script, timeout, options)
    local cidr, address, interface = place(options)
    if node.transport == "local" then
        return request_address {
            op = op, node = node, interface = interface, address = cidr, timeout = timeout,
        }
    end
    if op == "present" then -- anybody may look
        return node:exec {
            command = { "sh", "-c", script, "sh", address }, timeout = timeout, asks = "address.up",
        }
    end
    return node:exec {
        command = remote.shell(script, address, interface, cidr),
        timeout = timeout,
        effect = op ~= "announce" and "address." .. op or nil,
    }
end

--- Is the address on this node?
---@param node Node
---@param options? FloatingIpOptions
---@return boolean? there  nil: can't say
---@return string detail
---@return boolean? unasked  true: the node could not even be asked
function floating_ip.look(node, options)
    options = options or {}
    local _, address = place(options)
    local result = run(node, "present", PRESENT, math.min(options.deadline or 5, 5), options)
    local no = node.transport == "local" and { [result.code] = true } or absent
    return remote.answer(result, no, address == own_address and own_words or words(address))
end

--- Tell the neighbours again where the address is. Waits for the request, not for the
--- neighbours.
---@param node Node
---@param options? FloatingIpOptions
---@return boolean
---@return string? why
function floating_ip.announce(node, options)
    options = options or {}
    return remote.done(run(node, "announce", ANNOUNCE, options.deadline or 10, options), "announce")
end

--- A probe: is the address on the server that holds the baton? For policies whose `serving`
--- is true also while only a part is there. Beside it: remedies.put_address_back.
---@param spec { every?: number, timeout?: number, fall?: integer, rise?: integer }
---@param options? FloatingIpOptions
function floating_ip.probe(spec, options)
    return probe.custom {
        every = spec.every, timeout = spec.timeout or 5, fall = spec.fall, rise = spec.rise,
        on = "holder", pure = true,
        run = function(node)
            return floating_ip.look(node, options)
        end,
    }
end

local function gone(node, options)
    local there, detail, unasked = floating_ip.look(node, options)
    if there == nil then
        return nil, detail, unasked
    end
    return not there, detail
end

--- Give the address up, now. For fences.
---@param node Node
---@param options? FloatingIpOptions
---@return boolean? done  nil: the node could not even be asked
---@return string? why
function floating_ip.remove_on(node, options)
    options = options or {}
    return remote.done(run(node, "delete", REMOVE, options.deadline or 10, options), "remove the address")
end

--- An action: give the address up. When a node that should not have had it gives it up, the
--- holder tells the neighbours again where it is, or they would go on asking the wrong one.
---@param options? FloatingIpOptions
---@return Action
function floating_ip.remove(options)
    options = options or {}
    local deadline = options.deadline or 10
    return action {
        name = "remove the floating address",
        effect = "address.delete",
        deadline = deadline,
        attempts = options.attempts,
        look = function(node)
            return gone(node, options)
        end,
        run = function(node)
            local done, why = floating_ip.remove_on(node, options)
            local holder = group.holder
            if done and holder and holder ~= node and holder.serving then
                floating_ip.announce(holder, options)
            end
            return done, why
        end,
    }
end

--- Take the address and announce it, where it is missed now. For remedies.
---@param node Node
---@param options? FloatingIpOptions
---@return boolean? done  nil: the node could not even be asked
---@return string? why
function floating_ip.add_on(node, options)
    options = options or {}
    return remote.done(run(node, "add", ADD, options.deadline or 10, options), "add the address")
end

--- An action: take the address and announce it. Its undo gives it up again.
---@param options? FloatingIpOptions
---@return Action
function floating_ip.add(options)
    options = options or {}
    local deadline = options.deadline or 10
    return action {
        name = "add the floating address",
        effect = "address.add",
        deadline = deadline,
        attempts = options.attempts,
        look = function(node)
            return floating_ip.look(node, options)
        end,
        run = function(node)
            return floating_ip.add_on(node, options)
        end,
        undo = floating_ip.remove(options),
    }
end

return floating_ip
