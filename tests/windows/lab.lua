-- The hosts of the lab and what runs on them. `lab.run` is called in a coroutine for each
-- command; tests change the hosts through the control.

local lab = { hosts = {}, log = {}, shares = {} }

local cmdlets = require "cmdlets"
local powershell = require "powershell"
local robocopy = require "robocopy"
local volume = require "volume"

function lab.slurp(path)
    local file = assert(io.open(path, "rb"))
    local text = file:read("a")
    file:close()
    return text
end

-- The share of the source document, seen by all hosts.
lab.shares["\\\\NAS01\\SmarterMail"] = { files = {}, reachable = true, writable = true }

-- Those that icacls.exe can find, in small letters.
lab.accounts = { ["example\\smartermail"] = true, ["nt authority\\network service"] = true }

function lab.add_host(name)
    local other = next(lab.hosts)
    local priority = other and 2 or 1
    local host = {
        name = name, faults = {}, files = {}, directories = {}, clock = 0, processes = {},
        nlb = { state = priority == 1 and "Started" or "Stopped", initial = "Stopped", priority = priority,
            interface = "WAN", mode = "MULTICAST", address = "10.9.0.100", rule = "Single" },
        pools = { SmarterMail = priority == 1 and "Started" or "Stopped" },
        services = { MailService = { status = priority == 1 and "Running" or "Stopped", start = "Manual",
            display = "SmarterMail" } },
        ports = {},
    }
    host.lab = lab
    lab.hosts[name] = host
    lab[name] = host
end

-- Does the host do wrong in this way? A fault is a value, or { value, times = n }.
function lab.misbehaves(name, fault)
    local faults = lab.hosts[name].faults
    local value = faults[fault]
    if type(value) == "table" then
        if value.times <= 0 then
            faults[fault] = nil
            return nil
        end
        value.times = value.times - 1
        return value[1]
    end
    return value
end

function lab.counts(name)
    local counts = lab_counts(name)
    return counts.shells .. " shells, " .. counts.commands .. " commands"
end

-- The host that clients reach; "" where there is none.
function lab.serving()
    for name, host in pairs(lab.hosts) do
        if host.nlb.state == "Started" and host.services.MailService.status == "Running" and not host.faults.down then
            return name
        end
    end
    return ""
end

-- Base64 and UTF-16LE, as -EncodedCommand comes.
function lab.unbase64(text)
    return assert(lab_unbase64(text), "no base64")
end

lab.base64 = lab_base64

local function from_utf16le(bytes)
    local out, high = {}, nil
    for i = 1, #bytes - 1, 2 do
        local unit = ("<I2"):unpack(bytes, i)
        if unit >= 0xD800 and unit < 0xDC00 then
            high = unit
        elseif unit >= 0xDC00 and unit < 0xE000 and high then
            out[#out + 1] = utf8.char(0x10000 + ((high & 0x3FF) << 10 | unit & 0x3FF))
        else
            out[#out + 1] = utf8.char(unit)
        end
    end
    return table.concat(out)
end

-- The words of a line, as CommandLineToArgvW takes it apart.
local function words_of(line)
    local words, word, quoted, i, any = {}, {}, false, 1, false
    while i <= #line do
        local slashes = line:match("^\\+", i)
        local c = line:sub(i, i)
        if slashes and line:sub(i + #slashes, i + #slashes) == '"' then
            word[#word + 1] = ("\\"):rep(#slashes // 2)
            i = i + #slashes
            if #slashes % 2 == 1 then
                word[#word + 1] = '"'
            else
                quoted = not quoted
            end
            any = true
        elseif slashes then
            word[#word + 1] = slashes
            i = i + #slashes - 1
            any = true
        elseif c == '"' then
            quoted, any = not quoted, true
        elseif c:find("%s") and not quoted then
            if any then
                words[#words + 1] = table.concat(word)
            end
            word, any = {}, false
        else
            word[#word + 1], any = c, true
        end
        i = i + 1
    end
    if any then
        words[#words + 1] = table.concat(word)
    end
    return words
end

-- The share that a path is on; nil: it is on the host's own disk.
function lab.share_of(path)
    return volume.share_of(lab, path)
end

-- A file of the host, for tests: also what no script may read.
function lab.file(host, path)
    local tree, key = volume.place(host, path)
    return tree and tree.files[key]
end

-- Put files on a host's disk or a share: { ["C:\\x\\y.xml"] = text }. Folders are made.
function lab.fill(host, texts)
    for path, text in pairs(texts) do
        assert(volume.make(host, volume.parent(path)))
        assert(volume.write(host, path, text))
    end
end

-- ---- Programs ------------------------------------------------------------------------------

local called = { ["robocopy.exe"] = robocopy.run }

-- icacls FOLDER /grant ACCOUNT:(OI)(CI)M
called["icacls.exe"] = function(host, words, say)
    local account, rights = words[4]:match "^(.*):(%b()%b()M)$"
    assert(words[3]:lower() == "/grant" and rights == "(OI)(CI)M", "icacls.exe knows /grant NAME:(OI)(CI)M here")
    local tree, key = volume.place(host, words[2])
    if not volume.is_folder(host, words[2]) then
        say(words[2] .. ": The system cannot find the file specified.\r\n")
        return 2
    elseif not lab.accounts[account:lower()] then
        lab_write("err", account .. ": No mapping between account names and security IDs was done.\r\n")
        return 1332
    end
    tree.acl[key] = tree.acl[key] or {}
    table.insert(tree.acl[key], { account, "Modify, Synchronize" })
    say("processed file: " .. words[2] .. "\r\n")
    return 0
end

-- Keep a file open, so that no other can open it; lab.let_go(host) ends that.
function lab.hold(host, path)
    local held = { key = volume.normal(path):lower(), access = "write", share = "none" }
    host.held = host.held or {}
    host.held[#host.held + 1] = held
    host.open = host.open or setmetatable({}, { __mode = "k" })
    host.open[held] = held
end

function lab.let_go(host)
    for _, held in ipairs(host.held or {}) do
        host.open[held] = nil
    end
    host.held = nil
end

local programs = {}

programs["hostname"] = function(host)
    lab_write("out", host.name .. "\r\n")
    return 0
end

programs["cmd"] = function(host, words)
    assert(words[2]:lower() == "/c", "cmd.exe /c is all that is known here")
    return programs[words[3]:lower()](host, { table.unpack(words, 3) })
end

programs["echo"] = function(_, words)
    lab_write("out", table.concat(words, " ", 2) .. "\r\n")
    return 0
end

programs["args"] = function(_, words) -- one a line, as the program sees them
    for i = 2, #words do
        lab_write("out", words[i] .. "\n")
    end
    return 0
end

programs["fail"] = function(_, words)
    lab_write("err", "it went wrong\r\n")
    return tonumber(words[2]) or 1
end

programs["cat"] = function()
    lab_write("out", lab_read())
    return 0
end

programs["flood"] = function(_, words)
    for _ = 1, tonumber(words[2]) do
        lab_write("out", ("x"):rep(1023) .. "\n")
    end
    return 0
end

programs["sleep"] = function(_, words)
    lab_sleep(tonumber(words[2]))
    return 0
end

programs["drip"] = function(_, words) -- a line each so many seconds
    for i = 1, tonumber(words[2]) do
        lab_write("out", "drop " .. i .. "\n")
        lab_sleep(tonumber(words[3]))
    end
    return 0
end

programs["powershell"] = function(host, words)
    local script
    for i = 2, #words do
        if words[i]:lower() == "-encodedcommand" then
            script = from_utf16le(lab.unbase64(words[i + 1]))
        end
    end
    assert(script, "powershell.exe wants -EncodedCommand here")
    return powershell.run(host, script, cmdlets)
end

-- A program that a script calls by its name with ".exe". `say` gets what it prints.
function lab.run_program(host, line, say)
    local words = words_of(line)
    local run = called[words[1]:lower()]
    if not run then
        powershell.throw(("The term '%s' is not recognized as the name of a cmdlet."):format(words[1]))
    end
    lab.log[#lab.log + 1] = host.name .. ": powershell calls " .. line
    return run(host, words, say)
end

function lab.run_file(file)
    lab.add_host "server01"
    return powershell.run(lab.server01, lab.slurp(file), cmdlets)
end

function lab.run(name, line)
    local host = lab.hosts[name]
    local words = words_of(line)
    lab.log[#lab.log + 1] = name .. ": " .. (words[1]:lower():find("^powershell") and "powershell" or line)
    local slow = lab.misbehaves(name, "slow")
    if slow then
        lab_sleep(slow)
    end
    if lab.misbehaves(name, "hung") then
        lab_sleep()
    end
    local program = programs[words[1]:lower():gsub("%.exe$", "")]
    if not program then
        lab_write("err", ("'%s' is not recognized as an internal or external command,\r\n"):format(words[1])
            .. "operable program or batch file.\r\n")
        return 1
    end
    return program(host, words)
end

return lab
