---@meta
-- Everything that a policy sees, for the LuaLS language server and for people. Nothing here
-- runs. All times are seconds (numbers, fractions allowed) unless a name says otherwise.
--
-- Besides these a policy has a closed part of Lua's own library: assert error getmetatable
-- ipairs next pairs (sorted) pcall xpcall rawequal rawlen require select setmetatable (no
-- __gc, no __mode) tonumber tostring type, math (without randomseed), string (without dump),
-- table, utf8. There is no io, os, debug, load, coroutine, collectgarbage, print.
--
-- Calls marked "waits" give way to everything else while they wait. They may be made in
-- actions, looks, scripted probes and remedies' run; in fit, guards and when they are an
-- error, because a verdict must be there at once.

-- ---- What is observed ------------------------------------------------------------------

--- One probe on one node, as the group sees it after `rise` and `fall`.
---@class Observed
---@field ok boolean       true too while it rests
---@field failed boolean   asked, and the answer was no
---@field unknown boolean  it could not be asked, or not often enough yet. Unknown is not failed:
---   a false `fit` that rests on unknown probes only is taken as "can't say". Reading this
---   field is asking by name and does not count for that.
---@field resting boolean  not made on this node now (see `on`); nothing against the node
---@field status "ok"|"failed"|"unknown"|"resting"
---@field last "ok"|"failed"|"unknown"  the last observation, before rise and fall
---@field run integer      so many observations in a row ended like the last one
---@field latency number   seconds, of the last observation
---@field value number     what it measured, if it measures (clock: the offset in seconds)
---@field detail string    the last observation in words
---@field since_for number seconds since `status` is what it is
---@field seen_for number  seconds since the last observation

--- A node of the group. Read-only. Two views of one node are equal; tostring gives the name.
--- Each probe of the policy is a field of its own: node.smtp.failed.
---@class Node
---@field name string
---@field address string
---@field priority integer   1 is the preferred primary
---@field transport "local"|"ssh"|"winrm"  winrm: a Windows server
---@field index integer      in the group's order of preference, from 1
---@field state "unknown"|"Standby"|"Active"|"Degraded"|"FailingOver"|"FailingBack"
---@field state_why string
---@field state_for number   seconds in this state
---@field fit boolean?       the policy's verdict; nil: can't say
---@field fit_why string
---@field fit_for number     seconds since the verdict is what it is
---@field holds boolean      it holds the baton
---@field serving boolean?   the last look; nil: can't say
---@field serving_why string
---@field out boolean        confirmed out: it does not serve, and nobody started anything there
---@field probes string[]    names of the policy's probes
---@field [string] Observed
local Node = {}

--- Run a command on this node, through its transport. Waits.
---@param request ExecRequest
---@return Result
function Node:exec(request) end

--- The group. Name, floating … witnesses are known while the policy is loaded; the rest only
--- in verdicts, probes and actions.
---@class Group
---@field name string
---@field nodes Node[]        in order of preference
---@field holder Node?        nil: nobody holds the baton
---@field epoch integer       of the last grant
---@field paused boolean
---@field moves number[]      age in seconds of each recent unplanned move
---@field floating string?    "10.9.0.100/24"
---@field interface string?   for the floating address, on the nodes
---@field share string?       path on the nodes
---@field gateway string?     address to ask "am I cut off?"
---@field witnesses string[]  "address:port" each
group = {}

--- The <set name= value=/> of the configuration. What looks like a number or true/false is
--- one; a name that is not set is nil.
---@type table<string, string|number|boolean>
param = {}

-- ---- The policy ------------------------------------------------------------------------

---@alias Fit fun(node: Node): boolean?, string?
--- Third: true where the node could not even be asked (ssh failed); an action then ends at once.
---@alias Look fun(node: Node): boolean|Result|nil, string?, boolean?
---@alias Guard fun(node: Node, group: Group): boolean, string?, number?

--- One edge that the policy may wish for. `when` returns whether, why, and the seconds after
--- which it should be asked again although nothing was observed. An edge that the machine
--- does not have is refused when the policy is loaded.
---@class Transition
---@field from "Standby"
---@field to "FailingOver"|"FailingBack"
---@field when Guard

--- What is tried on a node before anything moves.
---@class Remedy
---@field name? string           as the journal names it; that of `run` if missing
---@field when fun(node: Node): boolean, string?
---@field run Action|fun(node: Node): boolean?, string?
---@field attempts? integer      within `within`; then the holder may be given up (2)
---@field within? number         seconds (60)
---@field on? "holder"|"any"     "any": on the other nodes too ("holder")

---@class PolicySpec
---@field probes table<string, Probe>   a name may not be that of a field of Node
---@field serving? Look|Probe           does the node serve? true: it does; false: certainly
---   not (this is what confirms a node out); nil: can't say. A probe.exec or probe.custom
---   says by its `every` and `timeout` how often and how long to look. If missing, the looks
---   of the start actions say it.
---@field fit? Fit                      may this node serve? With a reason, if it has one. If
---   missing, all probes must be ok
---@field transitions Transition[]
---@field remedies? Remedy[]
---@field stop? Action[]                on the old holder, in order; also on a rogue
---@field start? Action[]               on the taker, in order, with the baton
---@field fence? Action[]               when the old holder can't be seen out
---@field verify? (Probe|Action)[]      the end of a handover
---@field unconfirmed? "hold"|"fence"   a holder that can't be confirmed out: wait for an
---   operator, or fence ("hold")
---@field max_moves? integer            unplanned moves within `window`, then hold (3)
---@field window? number                seconds (3600)
---@field settle? number                seconds after start-up before anything is started (10)
---@field look_deadline? number         seconds for one look (5)
---@field look_fall? integer            so many looks in a row before a holder does not serve (3)
---@field checks? Check[]               what must be so for the group to be ready
---@field cluster? Check[]              columns of `baton cluster`
---@field init? Step[]                  `baton init`: a fresh installation
---@field migrate? Step[]               `baton migrate`: an existing one

--- Check the table. An unknown key or a wrong type is an error with file and line.
---@param spec PolicySpec
---@return PolicySpec
function policy(spec) end

-- ---- Probes ------------------------------------------------------------------------------

---@class Probe

---@class ProbeOptions
---@field every? number    seconds between two (2)
---@field timeout? number  seconds (1)
---@field fall? integer    so many failures (or unknowns) in a row count (3)
---@field rise? integer    so many ok in a row count (2)
---@field on? "all"|"holder"|"others"  on which nodes; elsewhere it rests ("all")
---@field via? "node"|"floating"  ask the floating address, not the node's own ("node")
---@field name? string      in `verify` only: as the journal names it
---@field attempts? integer in `verify` only (5)
---@field retry? number     in `verify` only: seconds between attempts (1)
---@field deadline? number  in `verify` only: seconds for one attempt (timeout and a little)

probe = {}

---@class TcpProbe : ProbeOptions
---@field port integer
---@field expect? string  what the server's first line must start with
---@field host? string    instead of the node's address

--- Connect, and read the first line where `expect` is given.
---@param spec TcpProbe
---@return Probe
function probe.tcp(spec) end

---@class MailProbe : ProbeOptions
---@field port? integer     the protocol's own if missing
---@field tls? "none"|"starttls"|"tls"  ("none")
---@field verify? boolean   check the certificate (false)
---@field ca_file? string   instead of the system's
---@field host? string      instead of the node's address

--- Banner and EHLO.
---@param spec MailProbe
---@return Probe
function probe.smtp(spec) end

--- Banner and CAPABILITY.
---@param spec MailProbe
---@return Probe
function probe.imap(spec) end

--- Banner and CAPA.
---@param spec MailProbe
---@return Probe
function probe.pop3(spec) end

---@class HttpProbe : ProbeOptions
---@field path? string     "/" if missing
---@field port? integer    the scheme's own if missing
---@field scheme? "http"|"https"  ("http")
---@field url? string      instead of path, port and scheme; the connection goes to the node
---@field host? string     instead of the node's address
---@field method? string   ("GET")
---@field expect? integer  the status wanted; any below 400 if missing
---@field match? string    what the body must contain
---@field verify? boolean  check the certificate (true)
---@field ca_file? string  instead of the system's
---@field headers? table<string, string>
---@field secret? string   name of a secret, sent as bearer token

---@param spec HttpProbe
---@return Probe
function probe.http(spec) end

---@class ExecProbe : ProbeOptions
---@field command string[]|fun(node: Node): string[]
---@field where? "node"|"controller"  ("node")
---@field input? string    on standard input
---@field asks? string     what it asks, for the simulated world: "service:postfix.running"

--- Exit 0 is ok, any other is failed; ssh that fails or no end in time is unknown.
---@param spec ExecProbe
---@return Probe
function probe.exec(spec) end

---@class ShareProbe : ProbeOptions
---@field path? string      the group's share if missing
---@field mounted? boolean  false: a directory that need not be a mount point itself (true)

--- Is the share mounted on the node and can it be written?
---@param spec? ShareProbe
---@return Probe
function probe.share(spec) end

---@class ClockProbe : ProbeOptions
---@field max_skew? number  seconds (2)

--- The node's clock against the controller's and another node's; `value` is the offset.
---@param spec? ClockProbe
---@return Probe
function probe.clock(spec) end

---@class CustomProbe : ProbeOptions
---@field run fun(node: Node): boolean|Result|nil, string?, number?  true, false or nil (can't say),
---   a detail, a value. May wait.
---@field pure? boolean  true: it changes no variable that outlives it. Then what fit and the
---   guards said stays as it is when it has run; else they are asked again (false)

---@param spec CustomProbe
---@return Probe
function probe.custom(spec) end

-- ---- Actions -----------------------------------------------------------------------------

---@class Action

--- An action ends well when `run` returns nothing or true, and `look`, if there is one, then
--- says true (it is asked again until the deadline). It fails when `run` raises or returns
--- false, "why". nil, "why" says that the node could not even be asked: a node that can't be
--- asked to stop is not asked again, but fenced or waited for. Where `look` says true at
--- first, it is already so and `run` is not called.
---@class ActionSpec
---@field name string
---@field run? fun(node: Node): boolean|Result|nil, string?
---@field look? Look          is what this action wants true?
---@field effect? string      what it changes, THING.VERB: "service:postfix.stop", "address.add".
---   In the simulated world things that `start` names move with the baton; all others are up
---   on every node
---@field deadline? number    seconds for one attempt (10)
---@field attempts? integer   (1)
---@field retry? number       seconds between attempts (1)
---@field undo? Action        of a start action

---@param spec ActionSpec
---@return Action
function action(spec) end

--- Run the administrator's programs in hooks/EVENT.d on the controller, with the node's facts.
---@param event string
---@return Action
function hook(event) end

-- ---- Set-up: what `baton preflight`, `cluster`, `init` and `migrate` ask and do --------------

---@class Check

--- One thing that must be so, in `checks`; or one column of `baton cluster`, in `cluster`, whose
--- detail stands in the cell. Changes nothing, decides nothing. May wait.
---@class CheckSpec
---@field name string
---@field title? string    what must be so: "the clocks are in step" (the name)
---@field run fun(node?: Node): boolean|Result|nil, string?, string?  so? a detail; what to do.
---   nil: it could not be found out
---@field advice? string   what to do where it is not so and `run` does not say
---@field on? "each"|"group"  on each node, or once without one ("each")
---@field timeout? number  seconds (30)

---@param spec CheckSpec
---@return Check
function check(spec) end

---@class Step

--- One step of `baton init` or `baton migrate`. It is safe to run twice: where `look` says true
--- it is done and nothing runs. `plan` says what would change, exactly, and changes nothing.
---@class StepSpec
---@field name string
---@field title? string     (the name)
---@field on? "group"|"each"|"primary"|"standbys"  "group": once, without a node ("group")
---@field look? fun(node?: Node): boolean|Result|nil, string?  is it done?
---@field plan? fun(node?: Node): string[]  one line for each thing that would change
---@field run? fun(node?: Node, memo?: string): boolean|Result|nil, string?, string?  third: what `undo`
---   needs; `memo` is what an earlier run said that did not come to its end, or was not undone
---@field undo? fun(node?: Node, memo?: string): boolean|Result|nil, string?
---@field human? string     a person does it: what, in words. `look` checks it when told that it
---   is done; `run` is not there then
---@field deadline? number  seconds for run or undo (60)
---@field after? string     name of an earlier step that changes what `look` sees: where that one would
---   run, a dry run does not ask `look` but `plan`

---@param spec StepSpec
---@return Step
function step(spec) end

-- ---- Files of the service, changed as text: everything else in them stays byte for byte --------

--- Counts of a rewriting.
---@class Rewritten
---@field replaced integer   prefixes
---@field bytes_in integer
---@field bytes_out integer
---@field sha256_in string   hex
---@field sha256_out string

---@class Rewriter
---@field feed fun(self: Rewriter, bytes: string): string?, string?  what comes out; nil and why
---@field finish fun(self: Rewriter): string?, Rewritten|string      the rest; nil and why

--- Rewrite path prefixes in an XML or JSON file that comes in pieces: whole path components, either
--- slash, any case, in text and attribute values, or strings.
---@param spec { rules: { from: string, to: string }[], format?: "auto"|"xml"|"json" }
---@return Rewriter
function rewriter(spec) end

---@class FailoverSettings
---@field SharedSystemFilesPath? string
---@field FailoverIPAddress? string
---@field IsEnabled? boolean

--- The three settings of a failoverConfig.xml, found by local name at any depth. nil and why where
--- it can't be read or has one of them twice.
---@param text string
---@return FailoverSettings?, string?
function failover_settings(text) end

--- The text with these settings, all else byte for byte. A setting that is missing is added at the
--- end of its root; "" becomes a whole new file. nil and why where it can't be.
---@param text string
---@param settings FailoverSettings
---@return string?, string?
function failover_config(text, settings) end

--- base64 with padding (RFC 4648, section 4).
---@param bytes string
---@return string
function to_base64(bytes) end

--- Its bytes; nil and why where it is no base64.
---@param text string
---@return string?, string?
function from_base64(text) end

-- ---- Calls that wait ---------------------------------------------------------------------

--- How a request ended. ok: yes. failed: it was asked and the answer is no. unknown: it could
--- not be asked (no route, ssh itself failed, a script that did not end in time).
---@class Result
---@field ok boolean
---@field failed boolean
---@field unknown boolean
---@field code integer    exit code, HTTP status or mail reply; -1: none
---@field latency number  seconds
---@field detail string   one sentence
---@field out string      standard output, or the body
---@field err string      standard error
---@field cut boolean     some of the output was thrown away

---@class ExecRequest
---@field command string[]    words, never a line; each is quoted for a remote shell
---@field node? Node          nil: on the controller
---@field input? string       on standard input
---@field timeout? number     seconds (10)
---@field output_max? integer bytes kept of each stream
---@field effect? string      what it changes, for the simulated world: THING.VERB, where stop,
---   down, delete, remove and off take the thing down, and all other verbs bring it up.
---   "service:postfix.stop" is one service of the node, "service.stop" all
---@field asks? string        what it asks, for the simulated world: "service:postfix.running".
---   stopped, down and gone ask whether the thing is down, other verbs whether it is up
---@field progress? "rsync"|"robocopy"  how its output tells how far it is, for `baton migrate`

--- Run a program. Waits.
---@param request ExecRequest
---@return Result
function exec(request) end

---@class HttpRequest
---@field url string
---@field method? string      ("GET")
---@field body? string
---@field headers? table<string, string>
---@field expect? integer     the status wanted; any below 400 if missing
---@field match? string       what the body must contain
---@field connect_to? string  the host to connect to instead of the URL's
---@field verify? boolean     check the certificate (true)
---@field ca_file? string
---@field secret? string      name of a secret, sent as bearer token
---@field body_secret? string name of a secret that takes the place of each {{secret}} in the body,
---   escaped as JSON text is
---@field body_max? integer   bytes kept of the answer
---@field timeout? number     seconds (10)
---@field effect? string      what it changes, for the simulated world, as of ExecRequest
---@field asks? string        what it asks, likewise

--- Make an HTTP request. Waits.
---@param request HttpRequest
---@return Result
function http(request) end

---@class TcpRequest
---@field host string
---@field port integer
---@field expect? string   what the first line must start with
---@field timeout? number  seconds (10)

--- Connect. Waits.
---@param request TcpRequest
---@return Result
function tcp(request) end

---@class MailRequest
---@field proto "smtp"|"imap"|"pop3"
---@field host string
---@field port? integer
---@field tls? "none"|"starttls"|"tls"  ("none")
---@field verify? boolean
---@field ca_file? string
---@field timeout? number  seconds (10)

--- Banner and greeting of a mail server. Waits.
---@param request MailRequest
---@return Result
function mail(request) end

---@class AddressRequest
---@field op "add"|"delete"|"present"|"announce"
---@field node Node          its transport must be local
---@field interface? string  the group's if missing
---@field address? string    the group's floating address if missing
---@field timeout? number    seconds (10)

--- A floating address on a node whose transport is local, by the daemon itself. Waits.
---@param request AddressRequest
---@return Result
function address(request) end

--- Waits.
---@param seconds number
function sleep(seconds) end

--- Run functions side by side; goes on when all have ended. Waits.
---@param ... fun()
function parallel(...) end

---@class RetrySpec
---@field attempts? integer  (3)
---@field pause? number      seconds between two (1)
---@field run fun(): any, string?

--- Call `run` until it does not raise and does not return false, nil with a reason, or a
--- result that is not ok. What the last attempt returned or raised is passed on. Waits.
---@param spec RetrySpec
---@return any ...
function retry(spec) end

--- The results of f(…), or nil and "no end within N s" after it was stopped. Waits.
---@param seconds number
---@param f function
---@param ... any  arguments for f
function deadline(seconds, f, ...) end

-- ---- Time, chance, words -----------------------------------------------------------------

--- Seconds of a clock that never jumps.
---@return number
function now() end

--- Seconds since 1970 (UTC), for people and for hours of the day.
---@return number
function wall() end

--- As math.random, from the world.
---@param m? integer
---@param n? integer
---@return number
function random(m, n) end

--- A line in the log: log(text), or log(level, text).
---@param level "debug"|"info"|"warning"|"alert"|string  the level, or the text ("info" then)
---@param text? string
function log(level, text) end

--- A secret of the configuration, for `secret=` of http; its value is never seen here.
---@param name string
---@return string
function secret(name) end

-- ---- Guards: `require "guards"` and `require "damping"`, or by name alone -----------------------------

--- Nobody holds the baton, or its holder has been unfit for `s` seconds.
---@param s number
---@return Guard
function holder_unfit_for(s) end

--- The node is preferred over the holder and has been fit and standing by for `s` seconds.
---@param s number
---@return Guard
function preferred_fit_for(s) end

--- Every one holds.
---@param ... Guard
---@return Guard
function all(...) end

--- At least one holds.
---@param ... Guard
---@return Guard
function any(...) end

--- It does not hold.
---@param guard Guard
---@return Guard
function negate(guard) end

--- Fewer than `moves` unplanned moves within `within` seconds.
---@param spec { moves: integer, within: number }
---@return Guard
function not_flapping(spec) end

--- Each unplanned move counts 1 and fades by half every `half_life` seconds; the sum is below
--- `limit`.
---@param spec { limit: number, half_life: number }
---@return Guard
function damped(spec) end

--- A criterion for `fit`: unfit above `worse`, fit again only below `better`.
---@param spec { probe: string, field?: "value"|"latency", better: number, worse: number }
---@return fun(node: Node): boolean, string
function hysteresis(spec) end

--- The last unplanned move is at least `s` seconds ago.
---@param s number
---@return Guard
function grace(s) end

--- It is one of these hours: from = "22:00", to = "04:00", days = { "sat" }, utc_offset = 1.
---@param spec { from: string, to: string, days?: string[], utc_offset?: number }
---@return Guard
function within_hours(spec) end

--- The holder's only fault is not one that this node shares.
---@param spec { shared: string[], own: string[] }
---@return Guard
function better_place(spec) end

--- The controller is not the one that is cut off, by the probe of that name ("uplink").
---@param name? string
---@return Guard
function not_isolated(name) end
