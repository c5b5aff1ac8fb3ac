-- The cmdlets that Baton's scripts use, on the model of a host. Each is (host, arguments, input) →
-- a value or a list; what fails throws, as with $ErrorActionPreference = 'Stop'.

local powershell = require "powershell"
local volume = require "volume"

local cmdlets = {}

local function throw(format, ...)
    powershell.throw(format:format(...))
end

-- A fault of this cmdlet on this host: { deny = true } throws, { wait = 5 } takes so long.
local function trouble(host, name)
    local fault = host.faults[name]
    if fault == "denied" then
        throw("Access is denied.")
    elseif type(fault) == "number" then
        lab_sleep(fault)
    elseif fault == "hung" then
        lab_sleep()
    end
end

-- What changed; and did two hosts serve at once?
local function note(host, what, ...)
    local serving = {}
    host.lab.log[#host.lab.log + 1] = host.name .. ": " .. what:format(...)
    for name, other in pairs(host.lab.hosts) do
        if other.nlb.state == "Started" and other.services.MailService.status == "Running" then
            serving[#serving + 1] = name
        end
    end
    if #serving > 1 then
        host.lab.two = "after " .. host.lab.log[#host.lab.log]
    end
end

cmdlets["import-module"] = function(_, args)
    local known = { networkloadbalancingclusters = true, webadministration = true }
    if not known[args[1]:lower()] then
        throw("The specified module '%s' was not loaded.", args[1])
    end
end

-- ---- Services ------------------------------------------------------------------------------

local function service_of(host, args)
    local name = args.name or args[1]
    for key, service in pairs(host.services) do
        if key:lower() == name:lower() then
            return service, key
        end
    end
    throw("Cannot find any service with service name '%s'.", name)
end

local function object_of(service, name)
    return { Name = name, DisplayName = service.display, Status = service.status, StartType = service.start }
end

cmdlets["get-service"] = function(host, args)
    trouble(host, "get-service")
    return object_of(service_of(host, args))
end

local function set_status(host, args, status)
    local service, name = service_of(host, args)
    if service.status == status then
        return
    end
    local pending = status == "Running" and "StartPending" or "StopPending"
    service.status = pending
    trouble(host, status == "Running" and "start-service" or "stop-service")
    if service.stuck then
        service.status = status == "Running" and "Stopped" or "Running"
        throw("Service '%s (%s)' cannot be %s.", service.display, name, status == "Running" and "started" or "stopped")
    end
    service.status = status
    note(host, "service %s %s", name, status)
end

cmdlets["start-service"] = function(host, args) set_status(host, args, "Running") end
cmdlets["stop-service"] = function(host, args) set_status(host, args, "Stopped") end
cmdlets["set-service"] = function(host, args)
    if args.status then
        set_status(host, args, args.status:lower() == "running" and "Running" or "Stopped")
    end
    if args.startuptype then
        service_of(host, args).start = args.startuptype
    end
end

cmdlets["get-ciminstance"] = function(host, args)
    assert((args.classname or args[1]):lower() == "win32_service", "Win32_Service is all that is known here")
    local out, id = {}, 1000
    for name, service in pairs(host.services) do
        id = id + 1
        service.pid = service.status ~= "Stopped" and id or 0
        out[#out + 1] = { Name = name, State = service.status, ProcessId = service.pid }
    end
    return powershell.array(out)
end

cmdlets["stop-process"] = function(host, args)
    for name, service in pairs(host.services) do
        if service.pid == args.id then
            service.status, service.stuck = "Stopped", nil
            note(host, "process of %s killed", name)
            return
        end
    end
    throw("Cannot find a process with the process identifier %s.", args.id)
end

-- ---- IIS -----------------------------------------------------------------------------------

local function pool_of(host, args)
    local name = args.name or args[1]
    local state = host.pools[name]
    if not state then
        throw("Cannot find path 'IIS:\\AppPools\\%s' because it does not exist.", name)
    end
    return state, name
end

cmdlets["get-webapppoolstate"] = function(host, args)
    return { Value = (pool_of(host, args)) }
end

local function set_pool(host, args, wanted, word)
    local state, name = pool_of(host, args)
    trouble(host, wanted == "Started" and "start-webapppool" or "stop-webapppool")
    if state == wanted then
        throw("The application pool is already in the %s state.", word)
    end
    host.pools[name] = wanted
    note(host, "pool %s %s", name, wanted)
end

cmdlets["start-webapppool"] = function(host, args) set_pool(host, args, "Started", "started") end
cmdlets["stop-webapppool"] = function(host, args) set_pool(host, args, "Stopped", "stopped") end

-- ---- NLB -----------------------------------------------------------------------------------

local function node_object(host)
    return { Name = host.name, Host = host.name, InterfaceName = host.nlb.interface, HostPriority = host.nlb.priority,
        State = host.nlb.state == "Started" and "Converged(default)" or host.nlb.state,
        InitialHostState = host.nlb.initial }
end

local function asked_host(host, args)
    local name = args.hostname or host.name
    for key, other in pairs(host.lab.hosts) do
        if key:lower() == name:lower() then
            if (args.interfacename or other.nlb.interface):lower() ~= other.nlb.interface:lower() then
                throw("The specified network interface %s was not found.", args.interfacename)
            elseif other ~= host and other.faults.down then
                throw("The RPC server is unavailable.")
            end
            return other
        end
    end
    throw("The host %s can't be reached.", name)
end

cmdlets["get-nlbclusternode"] = function(host, args)
    trouble(host, "get-nlbclusternode")
    local from, out = asked_host(host, args), {}
    for _, other in pairs(host.lab.hosts) do
        if not args.nodename or args.nodename:lower() == other.name:lower() then
            out[#out + 1] = node_object(other)
        end
    end
    table.sort(out, function(a, b) return a.HostPriority < b.HostPriority end)
    if #out == 0 then
        throw("There is no node %s in the cluster of %s.", args.nodename, from.name)
    end
    return powershell.array(out)
end

local function set_node(host, args, input, state)
    local node = input[1] and host.lab.hosts[input[1].Name] or asked_host(host, args)
    trouble(node, state == "Started" and "start-nlbclusternode" or "stop-nlbclusternode")
    if node.nlb.state ~= state then
        node.nlb.state = state
        note(node, "nlb %s", state)
    end
    return node_object(node)
end

cmdlets["start-nlbclusternode"] = function(host, args, input) return set_node(host, args, input, "Started") end
cmdlets["stop-nlbclusternode"] = function(host, args, input) return set_node(host, args, input, "Stopped") end

cmdlets["get-nlbcluster"] = function(host, args)
    local from = asked_host(host, args)
    return { IPAddress = from.nlb.address, OperationMode = from.nlb.mode }
end

cmdlets["get-nlbclusterportrule"] = function(host, args)
    local from = asked_host(host, args)
    return powershell.array { { Port = "0-65535", Mode = from.nlb.rule, StartPort = 0, EndPort = 65535 } }
end

cmdlets["get-nlbclusternodenetworkinterface"] = function(host, args)
    return { InterfaceName = asked_host(host, args).nlb.interface }
end

-- ---- Ports and files -------------------------------------------------------------------------

cmdlets["get-nettcpconnection"] = function(host)
    local out = {}
    for i, port in ipairs(host.ports) do
        out[i] = { LocalAddress = port.address, LocalPort = port.port, State = "Listen" }
    end
    return powershell.array(out)
end

local function path_of(args)
    return args.literalpath or args.path or args[1]
end

cmdlets["test-path"] = function(host, args)
    local path = path_of(args)
    return volume.read(host, path) ~= nil or volume.is_folder(host, path) == true
end

local function item_of(host, path)
    local file, code = volume.read(host, path)
    if file then
        return { Name = file.name:match "[^\\]*$", FullName = path, Length = #file.text, PSIsContainer = false,
            IsReadOnly = file.read_only, text = path }
    elseif code == volume.DENIED then
        throw("Access to the path '%s' is denied.", path)
    elseif volume.is_folder(host, path) then
        return { Name = path:match "[^\\]*$", FullName = path, PSIsContainer = true, text = path }
    end
    throw("Cannot find path '%s' because it does not exist.", path)
end

cmdlets["get-item"] = function(host, args)
    return item_of(host, path_of(args))
end

cmdlets["get-childitem"] = function(host, args)
    local out = {}
    local function walk(folder)
        local list, code = volume.list(host, folder)
        if not list and (args.erroraction or ""):lower() ~= "silentlycontinue" then
            throw(code == volume.DENIED and "Access to the path '%s' is denied."
                or "Cannot find path '%s' because it does not exist.", folder)
        end
        for _, one in ipairs(list or {}) do
            out[#out + 1] = not one.folder and item_of(host, one.path)
                or { Name = one.name, FullName = one.path, PSIsContainer = true, text = one.name }
            if one.folder and args.recurse then
                walk(one.path)
            end
        end
    end
    walk(path_of(args))
    return powershell.array(out)
end

cmdlets["get-filehash"] = function(host, args)
    local path = path_of(args)
    local file, code = volume.read(host, path)
    if not file then
        throw(code == volume.DENIED and "Access to the path '%s' is denied."
            or "Cannot find path '%s' because it does not exist.", path)
    end
    assert((args.algorithm or "SHA256"):upper() == "SHA256", "SHA256 is all that is known here")
    return { Hash = lab_sha256(file.text), Algorithm = "SHA256", Path = path }
end

return require("facts").add_to(cmdlets)
