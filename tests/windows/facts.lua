-- How the hosts of the model are set up, for the cmdlets that `baton preflight` asks: as it should be,
-- until a test changes it. lab.server01.nlb.initial, .bindings, .policy, .services.MailService.account,
-- and lab.shares[…].access.

local powershell = require "powershell"

local facts = {}

local MODES = { Automatic = "Auto", Manual = "Manual", Disabled = "Disabled" }

function facts.add_to(cmdlets)
    local instances = cmdlets["get-ciminstance"]

    cmdlets["get-ciminstance"] = function(host, args)
        local list = instances(host, args)
        for _, item in ipairs(list) do
            local service = host.services[item.Name]
            item.StartMode = MODES[service.start]
            item.StartName = service.account or "EXAMPLE\\smartermail"
        end
        return list
    end

    cmdlets["get-executionpolicy"] = function(host)
        return host.policy or "RemoteSigned"
    end

    cmdlets["get-webbinding"] = cmdlets["get-webbinding"] or function(host)
        local out = {}
        for i, binding in ipairs(host.bindings or { host.nlb.address .. ":80:" }) do
            out[i] = { protocol = "http", bindingInformation = binding }
        end
        return powershell.array(out)
    end

    cmdlets["get-acl"] = function(host, args)
        local root, share = host.lab.share_of(args.literalpath or args.path or args[1])
        if not root or not share.reachable then
            powershell.throw("Cannot find path because it does not exist.")
        end
        local rules = {}
        for i, one in ipairs(share.access or { { "EXAMPLE\\smartermail", "Modify, Synchronize" } }) do
            rules[i] = { IdentityReference = one[1], FileSystemRights = one[2], AccessControlType = one[3] or "Allow" }
        end
        return { Access = powershell.array(rules) }
    end

    return cmdlets
end

return facts
