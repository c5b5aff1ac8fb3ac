-- A small PowerShell: evaluates the tree that tree-sitter makes of a script. What it does not
-- know is an error that names the construct and its line, never a guess.
--
-- Values: strings, numbers, booleans, NULL, arrays ({ array = true, … }) and objects: tables whose
-- fields are properties, read without regard to case; functions among them are methods.

local files = require "files"

local powershell = {}

local NULL = setmetatable({}, { __tostring = function() return "" end })
powershell.NULL = NULL

local eval, statements, run_all, clause_for

local function fail(node, what)
    error(("windows_lab: line %d: %s"):format(node.line, what), 0)
end

-- `kind`: the exception's class in small letters, without "system.".
function powershell.throw(message, kind)
    error({ thrown = message, kind = kind or "management.automation.runtimeexception" }, 0)
end

function powershell.array(list)
    list.array = true
    return list
end

local function is_array(value)
    return type(value) == "table" and value.array == true
end

-- What a pipeline hands on: no value, one, or each of an array.
local function each(value)
    if value == nil then
        return {}
    elseif is_array(value) then
        return value
    end
    return { value }
end

local function from_list(list)
    if #list == 0 then
        return nil
    elseif #list == 1 then
        return list[1]
    end
    return powershell.array(list)
end

function powershell.text(value)
    if value == nil or value == NULL then
        return ""
    elseif value == true or value == false then
        return value and "True" or "False"
    elseif is_array(value) then
        local words = {}
        for i, item in ipairs(value) do
            words[i] = powershell.text(item)
        end
        return table.concat(words, " ")
    elseif type(value) == "table" then
        return value.ToString and value:ToString() or value.text or "@{}"
    elseif type(value) == "number" and value == math.floor(value) then
        return ("%d"):format(value)
    end
    return tostring(value)
end
local text = powershell.text

local function truth(value)
    if value == nil or value == NULL or value == false or value == 0 or value == "" then
        return false
    elseif is_array(value) then
        return #value > 1 or #value == 1 and truth(value[1])
    end
    return true
end

local function number(value)
    if value == nil or value == NULL then
        return 0
    end
    return type(value) == "number" and value or tonumber(text(value))
end

-- ---- Members -----------------------------------------------------------------------------------

local string_methods = {
    trim = function(s) return (s:match("^%s*(.-)%s*$")) end,
    tolower = function(s) return s:lower() end,
    toupper = function(s) return s:upper() end,
    tostring = function(s) return s end,
    startswith = function(s, with) return s:sub(1, #with) == with end,
    endswith = function(s, with) return with == "" or s:sub(-#with) == with end,
    contains = function(s, what) return s:find(what, 1, true) ~= nil end,
    substring = function(s, from, len) return s:sub(from + 1, len and from + len or -1) end,
    indexof = function(s, what) return (s:find(what, 1, true) or 0) - 1 end,
    replace = function(s, from, to)
        return (s:gsub(from:gsub("%p", "%%%0"), (to:gsub("%%", "%%%%"))))
    end,
    split = function(s, by)
        local out, at = { array = true }, 1
        while true do
            local from, to = s:find(by, at, true)
            out[#out + 1] = s:sub(at, from and from - 1 or -1)
            if not from then
                return out
            end
            at = to + 1
        end
    end,
}

local function member(node, value, name)
    local key = name:lower()
    if value == nil or value == NULL then
        return NULL
    elseif type(value) == "string" then
        if key == "length" then
            return utf8.len(value) or #value
        end
        return string_methods[key] or fail(node, "strings have no ." .. name)
    elseif type(value) == "number" then
        return key == "tostring" and function(n) return text(n) end or fail(node, "numbers have no ." .. name)
    elseif is_array(value) and (key == "count" or key == "length") then
        return #value
    elseif is_array(value) then
        local out = {}
        for i, item in ipairs(value) do
            out[i] = member(node, item, name)
        end
        return powershell.array(out)
    end
    if type(value.get) == "table" and value.get[key] then
        return value.get[key]()
    end
    for field, found in pairs(value) do
        if type(field) == "string" and field:lower() == key then
            return found
        end
    end
    local meta = getmetatable(value)
    for field, found in pairs(meta and meta.__index or {}) do
        if type(field) == "string" and field:lower() == key then
            return found
        end
    end
    if key == "count" then
        return 1
    end
    return NULL
end

-- ---- Static types ------------------------------------------------------------------------------

local function types(host, scope)
    local lab = host.lab
    local function utf8_encoding()
        return {
            GetString = function(_, bytes) return files.bytes(bytes) end,
            GetBytes = function(_, s) return files.array_of(s) end,
        }
    end
    local all = files.types(host, scope, powershell.throw)
    local others = {
        console = {
            ["in"] = { ReadToEnd = function() return lab_read() end },
            error = { WriteLine = function(_, s) lab_write("err", text(s) .. "\r\n") end },
            out = { Write = function(_, s) lab_write("out", text(s)) end },
            write = function(s) lab_write("out", text(s)) end,
            outputencoding = NULL,
        },
        ["text.encoding"] = { utf8 = utf8_encoding(), ascii = utf8_encoding() },
        ["text.utf8encoding"] = { new = utf8_encoding },
        convert = {
            frombase64string = function(s)
                local bytes = lab_unbase64(text(s))
                return bytes and files.array_of(bytes)
                    or powershell.throw("The input is not a valid Base-64 string.", "formatexception")
            end,
            tobase64string = function(bytes, from, count)
                bytes = files.bytes(bytes)
                return lab.base64(from and bytes:sub(from + 1, from + count) or bytes)
            end,
        },
        scriptblock = { create = function(script) return powershell.block(host, script, scope) end },
        guid = { newguid = function() return ("%08x-lab"):format(math.random(0, 0x7FFFFFFF)) end },
        datetime = {
            utcnow = { Ticks = lab_ticks() + math.floor(host.clock * 10000000) + 621355968000000000 },
        },
        int = function(value) return math.floor(number(value)) end,
        int64 = function(value) return math.floor(number(value)) end,
        string = text,
    }
    for name, found in pairs(others) do
        all[name] = found
    end
    return all
end

-- ---- Operators ---------------------------------------------------------------------------------

local function like(value, pattern)
    local lua = pattern:lower():gsub("[%^%$%(%)%%%.%[%]%+%-]", "%%%0"):gsub("%*", ".*"):gsub("%?", ".")
    return value:lower():find("^" .. lua .. "$") ~= nil
end

local function equal(a, b)
    if type(a) == "number" or type(b) == "number" and a ~= NULL then
        return number(a) == number(b)
    elseif a == NULL or b == NULL or type(a) == "boolean" then
        return a == b
    end
    return text(a):lower() == text(b):lower()
end

-- Regular expressions of this form alone: ^, classes with an optional {n} or {m,n}, plain
-- characters, $.
local function matches(value, pattern)
    local at, i = 1, 2
    assert(pattern:sub(1, 1) == "^" and pattern:sub(-1) == "$", "only ^…$ is known here")
    while i < #pattern do
        local class, least, most = pattern:match("^%b[]", i) or pattern:match("^[%w ]", i), 1, 1
        assert(class, "there is no such regular expression here: " .. pattern)
        i = i + #class
        local counts = pattern:match("^{([%d,]+)}", i)
        if counts then
            i = i + #counts + 2
            least, most = tonumber(counts:match("^%d+")), tonumber(counts:match("%d+$"))
        end
        local count = 0
        while count < most and value:find("^" .. class, at) do
            at, count = at + 1, count + 1
        end
        if count < least then
            return false
        end
    end
    return at == #value + 1
end

local comparisons = {
    ["-eq"] = equal,
    ["-ne"] = function(a, b) return not equal(a, b) end,
    ["-ceq"] = function(a, b) return a == b end,
    ["-cne"] = function(a, b) return a ~= b end,
    ["-cmatch"] = function(a, b) return matches(text(a), text(b)) end,
    ["-cnotmatch"] = function(a, b) return not matches(text(a), text(b)) end,
    ["-gt"] = function(a, b) return number(a) > number(b) end,
    ["-ge"] = function(a, b) return number(a) >= number(b) end,
    ["-lt"] = function(a, b) return number(a) < number(b) end,
    ["-le"] = function(a, b) return number(a) <= number(b) end,
    ["-like"] = function(a, b) return like(text(a), text(b)) end,
    ["-notlike"] = function(a, b) return not like(text(a), text(b)) end,
    ["-notcontains"] = function(a, b)
        for _, item in ipairs(each(a)) do
            if equal(item, b) then
                return false
            end
        end
        return true
    end,
    ["-contains"] = function(a, b)
        for _, item in ipairs(each(a)) do
            if equal(item, b) then
                return true
            end
        end
        return false
    end,
}

local function words(node)
    local out = {}
    for _, word in ipairs(node.words) do
        out[#out + 1] = word:lower()
    end
    return out
end

-- Left to right over the children, with the operators between them.
local function fold(node, scope, apply)
    local value, operators = eval(node[1], scope), words(node)
    local at = 0
    for i = 2, #node do
        if node[i].type ~= "comparison_operator" then
            at = at + 1
            local operator = node[i - 1].type == "comparison_operator" and node[i - 1].text:lower() or operators[at]
            value = apply(operator, value, node[i])
        end
    end
    return value
end

-- ---- Expressions -------------------------------------------------------------------------------

local function variable_name(node)
    local name = node.text:gsub("^[%$@]", ""):gsub("^{(.*)}$", "%1")
    return name:lower()
end

local handlers = {}

function eval(node, scope)
    local handler = handlers[node.type]
    if handler then
        return handler(node, scope)
    elseif node.type:find("_expression$") and #node == 1 then
        return eval(node[1], scope)
    end
    fail(node, "there is no " .. node.type .. " here: " .. node.text:sub(1, 60))
end

function handlers.variable(node, scope)
    local name = variable_name(node)
    if name == "true" or name == "false" then
        return name == "true"
    elseif name == "null" then
        return NULL
    end
    local value = scope.variables[name]
    if value == nil then
        return NULL
    end
    return value
end

-- PowerShell takes five characters for a single quote; each one doubled is itself.
local QUOTES = { "'", "\u{2018}", "\u{2019}", "\u{201A}", "\u{201B}" }

handlers["verbatim_string_characters"] = function(node)
    local inner
    for _, quote in ipairs(QUOTES) do
        if node.text:sub(1, #quote) == quote then
            inner = node.text:sub(#quote + 1)
        end
    end
    for _, quote in ipairs(QUOTES) do
        if inner:sub(-#quote) == quote then
            inner = inner:sub(1, -#quote - 1)
            break
        end
    end
    local out, i = {}, 1
    while i <= #inner do
        local found
        for _, quote in ipairs(QUOTES) do
            if inner:sub(i, i + #quote - 1) == quote then
                found = quote
            end
        end
        if found then
            local double = false
            for _, quote in ipairs(QUOTES) do
                if inner:sub(i + #found, i + #found + #quote - 1) == quote then
                    out[#out + 1] = quote
                    i, double = i + #found + #quote, true
                    break
                end
            end
            if not double then
                fail(node, "a quote in the middle of a string ends it")
            end
        else
            out[#out + 1] = inner:sub(i, i)
            i = i + 1
        end
    end
    return table.concat(out)
end

local ESCAPES = { n = "\n", r = "\r", t = "\t", ["0"] = "\0" }

-- Only what is written there is an escape, not what a variable holds.
local function unescaped(written)
    return (written:gsub("`(.)", function(c) return ESCAPES[c] or c end):gsub('""', '"'))
end

handlers["expandable_string_literal"] = function(node, scope)
    local inner, out, at = node.text:sub(2, -2), {}, 1
    for _, child in ipairs(node) do
        local from, to = inner:find(child.text, at, true)
        out[#out + 1] = unescaped(inner:sub(at, from - 1))
        if child.type == "sub_expression" then
            out[#out + 1] = text(from_list(statements(child[1], scope)))
        else
            out[#out + 1] = text(eval(child, scope))
        end
        at = to + 1
    end
    out[#out + 1] = unescaped(inner:sub(at))
    return table.concat(out)
end

function handlers.string_literal(node, scope)
    return eval(node[1], scope)
end

function handlers.integer_literal(node)
    return math.tointeger(tonumber(node.text))
end

function handlers.parenthesized_expression(node, scope)
    return from_list(statements(node, scope)) or NULL
end

function handlers.array_expression(node, scope)
    local list = { array = true }
    for _, item in ipairs(#node > 0 and statements(node[1], scope) or {}) do
        list[#list + 1] = item
    end
    return list
end

handlers["sub_expression"] = handlers.array_expression

function handlers.array_literal_expression(node, scope)
    if #node == 1 then
        return eval(node[1], scope)
    end
    local list = { array = true }
    for i, item in ipairs(node) do
        list[i] = eval(item, scope)
    end
    return list
end

function handlers.hash_literal_expression(node, scope)
    local object = {}
    for _, body in ipairs(node) do
        for _, entry in ipairs(body) do
            object[entry[1].text] = from_list(statements({ entry[2] }, scope)) or NULL
        end
    end
    return object
end

function handlers.script_block_expression(node, scope)
    local body = node[1]
    while body and body.type ~= "statement_list" do
        body = body[1]
    end
    return { block = function(item)
        local before = scope.variables._
        scope.variables._ = item
        local list = body and statements(body, scope) or {}
        scope.variables._ = before
        return list
    end }
end

function handlers.type_literal(node, scope)
    local name = node.text:match("^%[(.*)%]$"):lower():gsub("^system%.", "")
    local found = types(scope.host, scope)[name]
    if not found then
        fail(node, "there is no type [" .. name .. "] here")
    end
    return found
end

function handlers.member_access(node, scope)
    return member(node, eval(node[1], scope), node[2].text)
end

function handlers.element_access(node, scope)
    local value, at = eval(node[1], scope), eval(node[2], scope)
    if is_array(value) then
        return value[at + 1] or NULL
    end
    return type(at) == "number" and at == 0 and value or member(node, value, text(at))
end

-- What a method throws comes out with its name.
local function call(name, method, ...)
    local results = table.pack(pcall(method, ...))
    if results[1] then
        return results[2]
    end
    local why = results[2]
    if type(why) == "table" and why.thrown and not why.base then
        why = { base = why.thrown, kind = why.kind, thrown = ('Exception calling "%s" with "%d" argument(s): "%s"')
            :format(name, select("#", ...), why.thrown) }
    end
    error(why, 0)
end

function handlers.invokation_expression(node, scope)
    local is_static = node[1].type == "type_literal"
    local target, args = eval(node[1], scope), {}
    local method = member(node, target, node[2].text)
    for _, list in ipairs(node[3] or {}) do
        for i, argument in ipairs(list) do
            args[i] = eval(argument, scope)
        end
    end
    if type(method) ~= "function" then
        fail(node, "there is no method " .. node[2].text .. " here")
    elseif is_static then
        local value = call(node[2].text, method, table.unpack(args))
        return value == nil and NULL or value
    end
    local value = call(node[2].text, method, target, table.unpack(args))
    return value == nil and NULL or value
end

function handlers.argument_expression(node, scope)
    return eval(node[1], scope)
end

function handlers.expression_with_unary_operator(node, scope)
    local operator, value = words(node)[1], eval(node[1], scope)
    if operator == "-not" or operator == "!" then
        return not truth(value)
    elseif operator == "-" then
        return -number(value)
    elseif operator == nil then
        return value -- a cast
    end
    fail(node, "there is no unary " .. tostring(operator) .. " here")
end

function handlers.cast_expression(node, scope)
    return eval(node[1], scope)(eval(node[2], scope))
end

function handlers.logical_expression(node, scope)
    return fold(node, scope, function(operator, left, right)
        if operator == "-and" then
            return truth(left) and truth(eval(right, scope))
        elseif operator == "-or" then
            return truth(left) or truth(eval(right, scope))
        end
        fail(node, "there is no " .. tostring(operator) .. " here")
    end)
end

local function compare(node, scope)
    return fold(node, scope, function(operator, left, right)
        local apply = comparisons[operator] or fail(node, "there is no " .. tostring(operator) .. " here")
        return apply(left, eval(right, scope))
    end)
end
handlers.comparison_expression = compare
handlers.comparison_argument_expression = compare

function handlers.bitwise_expression(node, scope)
    return fold(node, scope, function(operator, left, right)
        left, right = number(left), number(eval(right, scope))
        return operator == "-band" and left & right or operator == "-bor" and left | right
            or fail(node, "there is no " .. tostring(operator) .. " here")
    end)
end

local function add(node, scope)
    return fold(node, scope, function(operator, left, right)
        right = eval(right, scope)
        if operator == "-" then
            return number(left) - number(right)
        elseif type(left) == "number" then
            return left + number(right)
        elseif is_array(left) then
            local list = { array = true, table.unpack(left) }
            for _, item in ipairs(each(right)) do
                list[#list + 1] = item
            end
            return list
        end
        return text(left) .. text(right)
    end)
end
handlers.additive_expression = add
handlers.additive_argument_expression = add

local function multiply(node, scope)
    return fold(node, scope, function(operator, left, right)
        right = number(eval(right, scope))
        return operator == "*" and number(left) * right or number(left) / right
    end)
end
handlers.multiplicative_expression = multiply
handlers.multiplicative_argument_expression = multiply

function handlers.assignment_expression(node, scope)
    local target, operator = node[1], node[2].text
    while target.type ~= "variable" and target.type ~= "member_access" do
        target = target[1] or fail(node, "nothing can be assigned to that here")
    end
    local value = from_list(statements({ node[#node] }, scope))
    value = value == nil and NULL or value
    if target.type == "member_access" then
        if target[1].type == "type_literal" then
            return nil -- [Console]::OutputEncoding
        end
        local object, name = eval(target[1], scope), target[2].text:lower()
        local set = type(object) == "table" and object.set and object.set[name]
        if not set or operator ~= "=" then
            fail(node, "there is no property " .. name .. " to be set here")
        end
        set(value)
        return nil
    end
    local name = variable_name(target)
    if operator == "+=" then
        local before = scope.variables[name]
        if is_array(before) then
            local list = { array = true, table.unpack(before) }
            for _, item in ipairs(each(value)) do
                list[#list + 1] = item
            end
            value = list
        else
            value = type(before) == "number" and before + number(value) or text(before) .. text(value)
        end
    end
    scope.variables[name] = value
end

-- ---- Commands ----------------------------------------------------------------------------------

-- Words after the command's name: { parameters by small name, positional ones by number }.
local function arguments(node, scope)
    local args, pending = {}, nil
    local function take(value)
        if pending then
            args[pending], pending = value, nil
        else
            args[#args + 1] = value
        end
    end
    local function walk(list)
        for _, item in ipairs(list) do
            if item.type == "command_parameter" then
                if pending then
                    args[pending] = true
                end
                pending = item.text:sub(2):gsub(":$", ""):lower()
            elseif item.type == "generic_token" then
                take(item.text)
            elseif item.type == "command_elements" then
                walk(item)
            elseif item.type ~= "command_argument_sep" then
                take(eval(item, scope))
            end
        end
    end
    walk(node)
    if pending then
        args[pending] = true
    end
    return args
end

local builtins = {}

builtins["where-object"] = function(_, args, input)
    local out = {}
    for _, item in ipairs(input) do
        if truth(from_list(args[1].block(item))) then
            out[#out + 1] = item
        end
    end
    return out
end

builtins["foreach-object"] = function(_, args, input)
    local out = {}
    for _, item in ipairs(input) do
        for _, value in ipairs(args[1].block(item)) do
            out[#out + 1] = value
        end
    end
    return out
end
builtins["%"] = builtins["foreach-object"]

builtins["out-null"] = function() return {} end

builtins["write-output"] = function(_, args)
    local out = {}
    for _, value in ipairs(args) do
        for _, item in ipairs(each(value)) do
            out[#out + 1] = item
        end
    end
    return out
end

builtins["new-object"] = function(_, args)
    local name = args.typename or table.remove(args, 1)
    return { files.new_object(name, args.argumentlist and each(args.argumentlist) or args) }
end

builtins["measure-object"] = function(_, args, input)
    local sum = 0
    for _, item in ipairs(input) do
        sum = sum + (args.property and number(member({ line = 0 }, item, args.property)) or 0)
    end
    return { { Count = #input, Sum = args.sum and #input > 0 and sum or NULL } }
end

builtins["start-sleep"] = function(_, args)
    lab_sleep((args.milliseconds or (args.seconds or args[1]) * 1000) / 1000)
    return {}
end

builtins["select-object"] = function(_, args, input)
    if args.first then
        return { table.unpack(input, 1, args.first) }
    end
    local out = {}
    for i, item in ipairs(input) do
        out[i] = args.expandproperty and member({ line = 0 }, item, args.expandproperty) or item
    end
    return out
end

-- ---- Programs ----------------------------------------------------------------------------------

-- The line that PowerShell 5 makes of words: quotes around white space, and nothing is done about
-- quotes and backslashes that are in a word.
local function line_of(name, node, scope)
    local list = { name }
    local function walk(items)
        for _, item in ipairs(items) do
            if item.type == "generic_token" or item.type == "command_parameter" then
                list[#list + 1] = item.text
            elseif item.type == "command_elements" then
                walk(item)
            elseif item.type ~= "command_argument_sep" then
                for _, value in ipairs(each(eval(item, scope))) do
                    local word = text(value)
                    list[#list + 1] = (word == "" or word:find "%s") and '"' .. word .. '"' or word
                end
            end
        end
    end
    walk(node)
    return table.concat(list, " ")
end

-- Runs it; `say` gets what it prints, as it comes, in pieces of any size.
local function run_program(name, node, scope, say)
    scope.variables.lastexitcode = scope.host.lab.run_program(scope.host, line_of(name, node, scope), say)
end

-- Lines of what is said in pieces. A carriage return ends one, too.
local function by_line(each_line)
    local rest = ""
    return function(piece)
        rest = (rest .. piece):gsub("\r\n", "\n"):gsub("\r", "\n")
        while true do
            local line, more = rest:match "^([^\n]*)\n(.*)$"
            if not line then
                return
            end
            rest = more
            each_line(line)
        end
    end
end

-- A program at the begin of a pipeline: `next_node`, where there is one, is given each line at once.
local function program(name, node, scope, next_node, sink)
    local out = {}
    if next_node then
        local block = eval(next_node[1][1], scope).block
        run_program(name, node, scope, by_line(function(line)
            for _, value in ipairs(block(line)) do
                if sink then
                    sink(value)
                else
                    out[#out + 1] = value
                end
            end
        end))
    elseif sink and sink == scope.sink then
        run_program(name, node, scope, function(piece) lab_write("out", piece) end)
    else
        run_program(name, node, scope, by_line(function(line)
            out[#out + 1] = line
        end))
    end
    return out
end

local function name_of(node)
    local first = (node.fields and node.fields.command_name) or node[1]
    return first.type ~= "command_invokation_operator" and first.text:lower() or nil
end

-- ---- Pipelines ---------------------------------------------------------------------------------

local function command(node, scope, input, sink)
    local name_node = node.fields and node.fields.command_name or nil
    local first = node[1]
    if first.type == "command_invokation_operator" then
        local called = node[2]
        while called.type ~= "parenthesized_expression" and called.type ~= "variable" do
            called = called[1]
        end
        local value = eval(called, scope)
        return value.block and value.block(NULL, sink) or fail(node, "& wants a script block here")
    end
    if first.type == "foreach_command" then
        return builtins["foreach-object"](scope.host, { eval(first[1], scope) }, input)
    end
    local name = (name_node or first).text
    local rest = {}
    for i = 2, #node do
        rest[#rest + 1] = node[i]
    end
    if name:lower():find "%.exe$" then
        return program(name, rest, scope, nil, sink)
    end
    local builtin, run = builtins[name:lower()], scope.cmdlets[name:lower()]
    if builtin then
        return builtin(scope.host, arguments(rest, scope), input)
    elseif not run then
        powershell.throw(("The term '%s' is not recognized as the name of a cmdlet."):format(name))
    end
    return each(run(scope.host, arguments(rest, scope), input))
end

-- `sink` gets what it says as it comes, where it can be said before the end.
local function pipeline(node, scope, sink)
    local list, i = {}, 1
    while i <= #node do
        local item, is_last = node[i], i == #node
        local next_node = not is_last and node[i + 1].type == "command" and node[i + 1] or nil
        if item.type == "command" and (name_of(item) or ""):find "%.exe$" and next_node
            and next_node[1].type == "foreach_command" then
            list = program(item[1].text, { table.unpack(item, 2) }, scope, next_node, i + 1 == #node and sink)
            i = i + 1
        elseif item.type == "command" then
            list = command(item, scope, list, is_last and sink)
        elseif item.type == "assignment_expression" then
            eval(item, scope)
            list = {}
        elseif i == 1 then
            list = each(eval(item, scope))
            if list[1] == NULL and #list == 1 then
                list = {}
            end
        else
            fail(item, "an expression can only begin a pipeline")
        end
        i = i + 1
    end
    return list
end

-- ---- Statements --------------------------------------------------------------------------------

local function body_of(node)
    for _, child in ipairs(node) do
        if child.type == "statement_list" then
            return child
        end
    end
    return {}
end

-- What a statement says goes to `sink` as it comes.
local statement = {}

function statement.if_statement(node, scope, sink)
    for i, child in ipairs(node) do
        if child.type == "pipeline" then
            if truth(from_list(pipeline(child, scope))) then
                return run_all(body_of(node[i + 1]), scope, sink)
            end
        elseif child.type == "elseif_clauses" then
            for _, clause in ipairs(child) do
                if truth(from_list(pipeline(clause[1], scope))) then
                    return run_all(body_of(clause[2]), scope, sink)
                end
            end
        elseif child.type == "else_clause" then
            return run_all(body_of(child[1]), scope, sink)
        end
    end
end

function statement.foreach_statement(node, scope, sink)
    for _, item in ipairs(each(from_list(pipeline(node[2], scope)))) do
        scope.variables[variable_name(node[1])] = item
        run_all(body_of(node[3]), scope, sink)
    end
end

function statement.while_statement(node, scope, sink)
    local condition = node[1].type == "pipeline" and node[1] or node[1][1]
    for _ = 1, 10000 do
        if not truth(from_list(pipeline(condition, scope))) then
            return
        end
        run_all(body_of(node[2]), scope, sink)
    end
    fail(node, "a loop that does not end")
end

-- The first clause that is for what was thrown: one without types, or with its class or one above it.
local ABOVE = { ["io.filenotfoundexception"] = "io.ioexception", ["io.directorynotfoundexception"] = "io.ioexception" }

function clause_for(node, why)
    for _, child in ipairs(node) do
        for _, clause in ipairs(child.type == "catch_clauses" and child or {}) do
            if clause[1].type ~= "catch_type_list" then
                return clause
            end
            for _, type_literal in ipairs(clause[1]) do
                local kind = type_literal.text:match "^%[(.*)%]$":lower():gsub("^system%.", "")
                if kind == why.kind or kind == ABOVE[why.kind] or kind == "exception" then
                    return clause
                end
            end
        end
    end
end

function statement.try_statement(node, scope, sink)
    local ok, why = pcall(run_all, body_of(node[1]), scope, sink)
    if ok then
        return
    elseif type(why) ~= "table" or why.exit then
        error(why, 0)
    end
    local clause = clause_for(node, why)
    if not clause then
        error(why, 0)
    end
    local before, before_caught = scope.variables._, scope.caught
    local base = { Message = why.base or why.thrown }
    scope.variables._ = { text = why.thrown, Exception = { Message = why.thrown, InnerException = base,
        GetBaseException = function() return base end } }
    scope.caught = why
    run_all(body_of(clause[#clause]), scope, sink)
    scope.variables._, scope.caught = before, before_caught
end

function statement.flow_control_statement(node, scope)
    local word = words(node)[1]
    local value = node[1] and from_list(pipeline(node[1], scope))
    if word == "exit" then
        error({ exit = number(value) or 0 }, 0)
    elseif word == "throw" and value == nil and scope.caught then
        error(scope.caught, 0)
    elseif word == "throw" then
        powershell.throw(text(value))
    end
    fail(node, "there is no " .. tostring(word) .. " here")
end

function statement.pipeline(node, scope, sink)
    for _, value in ipairs(pipeline(node, scope, sink)) do
        sink(value)
    end
end

function statement.empty_statement() end

function run_all(list, scope, sink)
    for _, node in ipairs(list) do
        if node.type == "statement_list" then
            run_all(node, scope, sink)
        elseif node.type ~= "comment" then
            local run = statement[node.type] or fail(node, "there is no " .. node.type .. " here")
            run(node, scope, sink)
        end
    end
end

function statements(list, scope)
    local out = {}
    run_all(list, scope, function(value)
        out[#out + 1] = value
    end)
    return out
end

-- ---- A script ----------------------------------------------------------------------------------

local function parse(script)
    local tree, why = lab_parse(script)
    if not tree then
        powershell.throw("parse error: " .. why)
    end
    return tree
end

function powershell.block(_, script, scope)
    local tree = parse(text(script))
    return { block = function(_, sink)
        if sink then
            run_all(tree, scope, sink)
            return {}
        end
        return statements(tree, scope)
    end }
end

function powershell.run(host, script, cmdlets)
    local scope = { host = host, variables = {}, cmdlets = cmdlets }
    local ok, why = pcall(function()
        scope.sink = function(value)
            lab_write("out", text(value) .. "\r\n")
        end
        run_all(parse(script), scope, scope.sink)
    end)
    files.close_all(scope)
    if ok then
        return 0
    elseif type(why) ~= "table" then
        error(why, 0)
    elseif why.exit then
        return why.exit
    end
    lab_write("err", why.thrown .. "\r\n")
    return 1
end

return powershell
