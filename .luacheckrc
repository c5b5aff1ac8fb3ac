-- luacheck reads this: what a policy and the library see besides their own names.
std = "max"
max_line_length = 120
unused_args = true

local seen_by_policies = {
    "policy", "probe", "action", "hook", "group", "param",
    "exec", "http", "tcp", "sleep", "parallel", "retry", "deadline", "log", "now", "wall", "random", "secret",
    "holder_unfit_for", "preferred_fit_for", "all", "any", "negate", "not_flapping", "within_hours",
    "grace", "better_place", "not_isolated", "address", "mail",
    "damped", "hysteresis", "check", "step", "rewriter", "failover_settings", "failover_config", "to_base64", "from_base64",
}

local function closed(names)
    return { std = "lua54", read_globals = names, not_globals = { "io", "os", "debug", "load", "loadfile", "dofile",
        "coroutine", "collectgarbage", "package", "print" } }
end

-- What the C part of the modelled Windows hosts gives its Lua part.
files["tests/windows/*.lua"] = { std = "lua54", globals = { "arg" }, read_globals = { "lab_write", "lab_sleep", "lab_read", "lab_base64", "lab_unbase64", "lab_sha256", "lab_ticks", "lab_parse", "lab_counts" } }
files["lua/*.lua"] = closed(seen_by_policies)
files["policies/*.lua"] = closed(seen_by_policies)
files["tests/live/*.lua"] = closed(seen_by_policies)
files["tests/unit/*.lua"] = closed(seen_by_policies)
files["tests/policy/bad/*.lua"] = closed(seen_by_policies)
files["tests/bench/*.lua"] = closed(seen_by_policies)
files["tests/scenario/**/*.lua"] = closed {
    "scenario", "set", "serving", "at", "step", "ends", "expect",
    "crash", "hang", "recover", "crash_service", "hang_service", "recover_service", "refuse_stop", "refuse_start",
    "obey", "bring_up", "bring_down", "cut", "lossy", "slow", "mend", "lose_share", "read_only_share",
    "restore_share", "jump_clock", "drift_clock", "action_fails", "action_slow", "action_lies", "action_denies",
    "action_works", "fence_fails", "fence_lies", "fence_works", "veto", "no_veto", "fill_disk", "free_disk",
    "postpone", "hang_baton", "recover_baton", "kill_guardian", "lose_store", "restore_store", "restore_store_late",
    "roll_back_store", "forget_mark", "kill_daemon", "start_daemon", "failover", "failback", "pause", "resume", "confirm_out",
}
-- The prelude makes these names, and takes math.random from the world.
files["lua/prelude.lua"] = { std = "lua54", globals = seen_by_policies, ignore = { "122/math" } }
-- The stubs define what they describe.
files["lua/baton.d.lua"] = { std = "lua54", globals = seen_by_policies, ignore = { "212", "241", "631" } }
exclude_files = { "build*" }
