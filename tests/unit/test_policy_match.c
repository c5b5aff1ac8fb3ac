#include "policy/host.h"

#include <check.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

#define PAIRS        200000 /* of pattern and subject, at random */
#define SUBJECT_MAX  14     /* bytes */
#define PATTERN_MAX  10     /* pieces */
#define PIECE_MAX    6      /* bytes */
#define ROUNDS_MAX   40     /* of one gmatch */

static struct policy policy; /* as far as limits_charge needs it */
static lua_State *L;

/* A state with two string libraries: `string`, with the functions of match.c in it, and
 * `stock`. */
static void open_state(void)
{
    memset(&policy, 0, sizeof policy);
    policy.limits.left = INT64_MAX;
    policy.limits.instructions_max = 1000;
    L = luaL_newstate();
    ck_assert_ptr_nonnull(L);
    *(struct policy **)lua_getextraspace(L) = &policy;
    luaL_openlibs(L);
    ck_assert_int_eq(
        luaL_dostring(L, "stock = {} for k, v in pairs(string) do stock[k] = v end"), LUA_OK);
    lua_getglobal(L, "string");
    match_open(L);
    lua_pop(L, 1);
}

static void close_state(void)
{
    lua_close(L);
}

/* ---- What the manual says ---------------------------------------------------------------- */

/* Expressions and what they give, in Lua's own notation. */
static const struct {
    const char *expression, *gives;
} cases[] = {
    /* find */
    {"('hello'):find('l')", "3,3"},
    {"('hello'):find('l', 4)", "4,4"},
    {"('hello'):find('l', -1)", "nil"},
    {"('hello'):find('', 6)", "6,5"},
    {"('hello'):find('', 7)", "nil"},
    {"('hello'):find('h', -99)", "1,1"},
    {"('a.b'):find('.', 2, true)", "2,2"},
    {"('a+b'):find('a+b')", "nil"},
    {"('a+b'):find('a+b', 1, true)", "1,3"},
    {"('key = value'):find('(%w+)%s*=%s*(%w+)')", "1,11,'key','value'"},
    {"('a\\0b'):find('\\0')", "2,2"},
    {"('a\\0b'):find('\\0b')", "2,3"},
    {"('a)'):find(')')", "2,2"},
    {"string.find(1234, 23)", "2,3"},
    /* classes and sets */
    {"('a1 _'):match('^%a%d%s%p$')", "'a1 _'"},
    {"('aA0f'):match('^%l%u%x%w$')", "'aA0f'"},
    {"('\\1 !'):match('^%c%G%g$') == '\\1 !'", "true"},
    {"('\\xe4'):match('%a')", "nil"},
    {"('\\xe4'):match('%A') ~= nil", "true"},
    {"('%'):match('%%')", "'%'"},
    {"('x]y'):match('[]]')", "']'"},
    {"('x]y'):match('[^]x]')", "'y'"},
    {"('a-z'):match('[a-]+')", "'a-'"},
    {"('b'):match('[a-c]')", "'b'"},
    {"('^'):match('[x^]')", "'^'"},
    {"('b]'):match('[%]]')", "']'"},
    {"('ab12_'):match('[%a%d]+')", "'ab12'"},
    {"('ab12_'):match('[^%d]+')", "'ab'"},
    /* repetition */
    {"('aaab'):match('a*')", "'aaa'"},
    {"('aaab'):match('a-b')", "'aaab'"},
    {"('aaab'):match('a-')", "''"},
    {"('b'):match('a*b')", "'b'"},
    {"('b'):match('a+b')", "nil"},
    {"('ab'):match('a?b')", "'ab'"},
    {"('aaa'):match('a?a?a?aaa')", "'aaa'"},
    {"('xaay'):match('a+a')", "'aa'"},
    {"('/* a */ b */'):match('/%*.-%*/')", "'/* a */'"},
    {"('/* a */ b */'):match('/%*.*%*/')", "'/* a */ b */'"},
    {"('a*'):match('^*')", "nil"},
    {"('*a'):match('^*')", "'*'"},
    /* anchors */
    {"('ab'):match('^b')", "nil"},
    {"('ab'):match('^b', 2)", "'b'"},
    {"('ab'):match('a$')", "nil"},
    {"('a$b'):match('a$b')", "'a$b'"},
    {"('a^b'):match('a^b')", "'a^b'"},
    {"('  x y '):match('^%s*(.-)%s*$')", "'x y'"},
    /* captures */
    {"('abc'):match('()b()')", "2,3"},
    {"('abcd'):match('(a(b)(c))d')", "'abc','b','c'"},
    {"('abab'):match('(ab)%1')", "'ab'"},
    {"('abba'):match('(a)(b)%2%1')", "'a','b'"},
    {"('\"it\\'s\"'):match('([\"\\']).-%1')", "'\"'"},
    {"('x'):match('()%1')", "nil"},
    {"('aXb'):match('((a)(X))(b)')", "'aX','a','X','b'"},
    /* a capture is what the path that matched has made of it */
    {"('aab'):match('(a*)(a)b')", "'a','a'"},
    {"('aab'):match('(a-)(a*)b')", "'','aa'"},
    {"('aabab'):match('^(a+)b(a*)%1b$')", "nil"},
    {"('aabaaab'):match('^(a+)b(a*)%1b$')", "'aa','a'"},
    /* balance and frontier */
    {"('f(a(b)c)d)'):match('%b()')", "'(a(b)c)'"},
    {"('(()'):match('%b()')", "'()'"},
    {"('(('):match('%b()')", "nil"},
    {"('xaax'):match('%bxx')", "'xaax'"},
    {"('THE (quick) fox'):find('%f[%a]%a+%f[%A]', 5)", "6,10"},
    {"('abc'):find('%f[%z]')", "4,3"},
    {"('abc'):find('%f[%a]', 2)", "nil"},
    /* gmatch */
    {"all(('one two'):gmatch('%a+'))", "'one','two'"},
    {"all(('a=1, b=2'):gmatch('(%w)=(%w)'))", "'a','1','b','2'"},
    {"all(('abc'):gmatch('()'))", "1,2,3,4"},
    {"all(('abc'):gmatch('b*'))", "'','b',''"},
    {"all(('xyz'):gmatch('%a', 2))", "'y','z'"},
    {"all(('xyz'):gmatch('%a', -1))", "'z'"},
    {"all(('xyz'):gmatch('%a*', 9))", ""},
    {"all(('a^a'):gmatch('^a'))", "'^a'"},
    /* gsub */
    {"('hello'):gsub('l', 'L')", "'heLLo',2"},
    {"('hello'):gsub('l', 'L', 1)", "'heLlo',1"},
    {"('hello'):gsub('l', 'L', 0)", "'hello',0"},
    {"('hello'):gsub('', '-')", "'-h-e-l-l-o-',6"},
    {"('abc'):gsub('%w', '%0%0')", "'aabbcc',3"},
    {"('abc def'):gsub('(%w+) (%w+)', '%2 %1')", "'def abc',1"},
    {"('abc'):gsub('b', '%1%%')", "'ab%c',1"},
    {"('abc'):gsub('()', '%1')", "'1a2b3c4',4"},
    {"('abc'):gsub('b*', 'x')", "'xaxcx',3"},
    {"('aaa'):gsub('^a', 'b')", "'baa',1"},
    {"('$a $b'):gsub('%$(%w)', {a = 1, b = false})", "'1 $b',2"},
    {"('$a $b'):gsub('%$%w', {['$b'] = 'x'})", "'$a x',2"},
    {"('abc'):gsub('%w', function(c) if c ~= 'b' then return c .. c end end)", "'aabcc',3"},
    {"('ab'):gsub('(a)(b)', function(...) return select('#', ...) end)", "'2',1"},
    {"('ab'):gsub('a', function(c) return (c:gsub('a', 'b')) end)", "'bb',1"},
    {"('a'):gsub('a', setmetatable({}, {__index = function(_, k) return k .. k end}))", "'aa',1"},
    {"(('x'):rep(3000)):gsub('x', 'yy') == ('y'):rep(6000)", "true"},
    /* what is wrong is raised when a match gets there, not before */
    {"('x'):match('a%')", "nil"},
    {"('x'):match('a[')", "nil"},
    {"('x'):gsub('x', '(', 0)", "'x',0"},
    {"('a'):gsub('(a', 'x')", "'x',1"},
    {"select('#', ('x'):match(('()'):rep(32)))", "32"},
};

static const struct {
    const char *expression, *words;
} errors[] = {
    {"('a'):match('a%')", "malformed pattern (ends with '%')"},
    {"('a'):match('[a')", "malformed pattern (missing ']')"},
    {"('a'):match('[]')", "malformed pattern (missing ']')"},
    {"('a'):match('[a%]')", "malformed pattern (missing ']')"},
    {"('a'):match('[a%')", "malformed pattern (missing ']')"},
    {"('a'):match('%b(')", "malformed pattern (missing arguments to '%b')"},
    {"('a'):match('%fa')", "missing '[' after '%f' in pattern"},
    {"('a'):match('%f[a')", "malformed pattern (missing ']')"},
    {"('a'):match('%1')", "invalid capture index %1"},
    {"('a'):match('(a%1)')", "invalid capture index %1"},
    {"('a'):match('%0')", "invalid capture index %0"},
    {"('a'):match('(a')", "unfinished capture"},
    {"('a'):find('(a')", "unfinished capture"},
    {"('a'):gmatch('(a')()", "unfinished capture"},
    {"('a'):gsub('(a', '%1')", "unfinished capture"},
    {"('a'):gsub('(a', {})", "unfinished capture"},
    {"('a'):match('a)')", "invalid pattern capture"},
    {"('a'):match(('('):rep(33))", "too many captures"},
    {"('a'):gsub('a', '%2')", "invalid capture index %2 in replacement string"},
    {"('a'):gsub('a', '%x')", "invalid use of '%' in replacement string"},
    {"('a'):gsub('a', 'x%')", "invalid use of '%' in replacement string"},
    {"('a'):gsub('a', {a = {}})", "invalid replacement value (a table)"},
    {"('a'):gsub('a', function() return true end)", "invalid replacement value (a boolean)"},
    {"('a'):gsub('a', function() error('mine', 0) end)", "mine"},
    {"('a'):gsub('a', true)", "string/function/table expected, got boolean"},
    {"('a'):gsub('a')", "string/function/table expected, got no value"},
    {"('a'):gsub('a', 'b', 'c')", "number expected, got string"},
    {"('a'):match()", "string expected, got no value"},
    {"('a'):find('a', {})", "number expected, got table"},
    {"string.gmatch(nil, 'a')", "string expected, got nil"},
    {"coroutine.wrap(function() ('a'):gsub('a', coroutine.yield) end)()",
     "attempt to yield across a C-call boundary"},
};

/* The values of an expression in Lua's notation, or the error, on the stack. */
static bool evaluate(const char *expression)
{
    static const char frame[] =
        "local function all(f) local t = {} local function more(x, ...)\n"
        "if x == nil then return end for _, v in ipairs { x, ... } do t[#t + 1] = v end\n"
        "return more(f()) end more(f()) return table.unpack(t) end\n"
        "local t = table.pack(%s)\n"
        "for i = 1, t.n do t[i] = type(t[i]) == 'string' and (#t[i] > 99 and #t[i] or\n"
        "\"'\" .. t[i] .. \"'\") or tostring(t[i]) end return table.concat(t, ',')";
    char text[2048];

    ck_assert_int_lt(snprintf(text, sizeof text, frame, expression), (int)sizeof text);
    lua_settop(L, 0);
    ck_assert_msg(luaL_loadstring(L, text) == LUA_OK, "%s", lua_tostring(L, -1));
    return lua_pcall(L, 0, 1, 0) == LUA_OK;
}

START_TEST(patterns_do_what_the_manual_says)
{
    ck_assert_msg(
        evaluate(cases[_i].expression), "%s: %s", cases[_i].expression, lua_tostring(L, -1));
    ck_assert_msg(
        strcmp(lua_tostring(L, -1), cases[_i].gives) == 0, "%s gives %s", cases[_i].expression,
        lua_tostring(L, -1));
}
END_TEST

START_TEST(mistakes_are_named)
{
    ck_assert_msg(
        !evaluate(errors[_i].expression), "%s gives %s", errors[_i].expression,
        lua_tostring(L, -1));
    ck_assert_msg(
        strstr(lua_tostring(L, -1), errors[_i].words) != NULL, "%s: %s", errors[_i].expression,
        lua_tostring(L, -1));
}
END_TEST

/* ---- The same as stock Lua ----------------------------------------------------------------- */

struct trial {
    char subject[SUBJECT_MAX], pattern[PATTERN_MAX * PIECE_MAX], replacement[4 * PIECE_MAX];
    size_t subject_len, pattern_len, replacement_len;
    int replace_by; /* LUA_TSTRING, LUA_TTABLE or LUA_TFUNCTION */
    lua_Integer init, max;
};

struct piece {
    const char *text;
    size_t len;
};

#define PIECE(text)                                                                                \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct piece bytes[] = {
    PIECE("a"), PIECE("b"), PIECE("a"),  PIECE("b"), PIECE("("), PIECE(")"), PIECE("["), PIECE("]"),
    PIECE("%"), PIECE("-"), PIECE("\0"), PIECE("1"), PIECE(" "), PIECE("^"), PIECE("$"),
};

static const struct piece pieces[] = {
    PIECE("a"),      PIECE("b"),     PIECE("."),      PIECE("%"),      PIECE("["),
    PIECE("]"),      PIECE("^"),     PIECE("$"),      PIECE("*"),      PIECE("+"),
    PIECE("-"),      PIECE("?"),     PIECE("("),      PIECE(")"),      PIECE("1"),
    PIECE("\0"),     PIECE("a*"),    PIECE(".-"),     PIECE("b+"),     PIECE("(.-)"),
    PIECE("(a*)"),   PIECE("(.)"),   PIECE("()"),     PIECE("%a"),     PIECE("%A"),
    PIECE("%D"),     PIECE("%s"),    PIECE("%w+"),    PIECE("%p"),     PIECE("%z"),
    PIECE("%b()"),   PIECE("%bab"),  PIECE("%baa"),   PIECE("%f[%a]"), PIECE("%f[^a]"),
    PIECE("%f["),    PIECE("%1"),    PIECE("%2"),     PIECE("%0"),     PIECE("[ab]"),
    PIECE("[^a]"),   PIECE("[a-b]"), PIECE("[%a-]*"), PIECE("[]a]"),   PIECE("[a-%]"),
    PIECE("[^%s]-"), PIECE("%%"),    PIECE("%["),     PIECE("a?"),     PIECE("[--b]"),
};

static const struct piece words[] = {
    PIECE("x"), PIECE("%0"), PIECE("%1"), PIECE("%2"), PIECE("%%"), PIECE("%"), PIECE("\0"),
};

static int below(int n)
{
    return (int)(random() % n);
}

static size_t fill(char *text, const struct piece *from, int n_from, int n)
{
    size_t len = 0;

    while (n-- > 0) {
        const struct piece *piece = &from[below(n_from)];

        memcpy(text + len, piece->text, piece->len);
        len += piece->len;
    }
    return len;
}

static struct trial draw(void)
{
    static const int types[] = {LUA_TSTRING, LUA_TSTRING, LUA_TTABLE, LUA_TFUNCTION};
    struct trial trial = {.replace_by = types[below(COUNT(types))]};

    trial.subject_len = fill(trial.subject, bytes, COUNT(bytes), below(SUBJECT_MAX + 1));
    trial.pattern_len = fill(trial.pattern, pieces, COUNT(pieces), below(PATTERN_MAX + 1));
    trial.replacement_len = fill(trial.replacement, words, COUNT(words), below(5));
    trial.init = below(4) > 0 ? 1 : below(2 * SUBJECT_MAX) - SUBJECT_MAX;
    trial.max = below(4) > 0 ? SUBJECT_MAX + 1 : below(4) - 1;
    return trial;
}

/* All that the iterator on the top gives. [-1, +all] */
static bool iterate(void)
{
    int iterator = lua_gettop(L);

    for (int i = 0; i < ROUNDS_MAX; i++) {
        int top = lua_gettop(L);

        luaL_checkstack(L, 40, NULL);
        lua_pushvalue(L, iterator);
        if (lua_pcall(L, 0, LUA_MULTRET, 0) != LUA_OK) {
            return false;
        }
        if (lua_gettop(L) == top || lua_isnil(L, top + 1)) {
            lua_settop(L, top);
            break;
        }
    }
    lua_remove(L, iterator);
    return true;
}

/* [-0, +results], or the error */
static bool call(const char *library, const char *function, const struct trial *trial)
{
    int n = 3;

    lua_getglobal(L, library);
    lua_getfield(L, -1, function);
    lua_remove(L, -2);
    lua_pushlstring(L, trial->subject, trial->subject_len);
    lua_pushlstring(L, trial->pattern, trial->pattern_len);
    if (strcmp(function, "gsub") != 0) {
        lua_pushinteger(L, trial->init);
    } else {
        if (trial->replace_by == LUA_TSTRING) {
            lua_pushlstring(L, trial->replacement, trial->replacement_len);
        } else {
            lua_getglobal(L, trial->replace_by == LUA_TTABLE ? "replacements" : "replace");
        }
        lua_pushinteger(L, trial->max);
        n = 4;
    }
    if (lua_pcall(L, n, LUA_MULTRET, 0) != LUA_OK) {
        return false;
    }
    return strcmp(function, "gmatch") != 0 || iterate();
}

/* In Lua's notation, as long as the next call. */
static const char *quoted(const char *text, size_t len)
{
    static char buffer[4][4 * PATTERN_MAX * PIECE_MAX];
    static int next;
    char *out = buffer[next++ % 4];
    size_t at = 0;

    for (size_t i = 0; i < len; i++) {
        at += (size_t)snprintf(out + at, 4, text[i] == '\0' ? "\\0" : "%c", text[i]);
    }
    out[at] = '\0';
    return out;
}

static bool same(int a, int b, int n)
{
    for (int i = 0; i < n; i++) {
        if (lua_type(L, a + i) != lua_type(L, b + i) || !lua_rawequal(L, a + i, b + i)) {
            return false;
        }
    }
    return true;
}

/* Both libraries do the same: fail, or give the same values. True: they gave some. */
static bool agree(const char *function, const struct trial *trial)
{
    bool stock, ours, found;
    int n;

    lua_settop(L, 0);
    stock = call("stock", function, trial);
    n = lua_gettop(L);
    ours = call("string", function, trial);
    ck_assert_msg(
        stock == ours && (!stock || (lua_gettop(L) == 2 * n && same(1, n + 1, n))),
        "%s('%s', '%s'), from %lld, by a %s '%s', %lld times: %s, stock Lua: %s", function,
        quoted(trial->subject, trial->subject_len), quoted(trial->pattern, trial->pattern_len),
        (long long)trial->init, lua_typename(L, trial->replace_by),
        quoted(trial->replacement, trial->replacement_len), (long long)trial->max,
        ours ? "other values" : lua_tostring(L, -1), stock ? "no error" : lua_tostring(L, n));
    found = stock && n > 0 && !lua_isnil(L, 1);
    return found;
}

START_TEST(random_patterns_do_what_stock_lua_does)
{
    static const char *const functions[] = {"find", "match", "gmatch", "gsub"};
    const char *given = getenv("BATON_SEED");
    unsigned seed =
        (unsigned)(given != NULL ? strtoul(given, NULL, 10) : (unsigned long)time(NULL));
    int found[4] = {0};

    printf("patterns: BATON_SEED=%u\n", seed);
    fflush(stdout);
    srandom(seed);
    ck_assert_int_eq(
        luaL_dostring(
            L, "replacements = { a = 'A', b = false, ab = 7, [1] = '1', [''] = 'e' }\n"
               "function replace(x, ...) if x == 'b' then return nil end\n"
               "return table.concat({ x, ... }, ',') end"),
        LUA_OK);
    for (int i = 0; i < PAIRS; i++) {
        struct trial trial = draw();

        policy.limits.left = INT64_MAX;
        for (int f = 0; f < COUNT(functions); f++) {
            found[f] += agree(functions[f], &trial);
        }
    }
    for (int f = 0; f < COUNT(functions); f++) { /* else they agree on nothing but failures */
        ck_assert_msg(found[f] > PAIRS / 10, "%s found only %d times", functions[f], found[f]);
    }
}
END_TEST

/* ---- Steps, memory, C's stack -------------------------------------------------------------- */

static const char *const endless[] = {
    "s:find(('.-'):rep(30) .. 'b')",
    "s:match(('a*'):rep(30) .. 'b')",
    "s:match(('a?'):rep(5000) .. ('a'):rep(5000) .. 'b')",
    "s:match(('(a+)'):rep(20) .. '%1%2%3b')",
    "s:gsub(('.-'):rep(30) .. 'b', '')",
    "s:gmatch(('a-'):rep(30) .. 'b')()",
    "pcall(s.find, s, ('.-'):rep(30) .. 'b'), s:find('a')",
    "(('('):rep(60000)):gsub('%b()', '')",
    "s:gsub('', function() return (s:gsub('a', '%0%0')) end)",
};

START_TEST(what_would_never_end_uses_up_the_budget)
{
    char text[256];

    policy.limits.left = 1000000;
    snprintf(text, sizeof text, "local s = ('a'):rep(5000) return %s", endless[_i]);
    ck_assert_msg(luaL_dostring(L, text) != LUA_OK, "%s ends", endless[_i]);
    ck_assert_str_eq(lua_tostring(L, -1), "budget used up");
    ck_assert(policy.limits.broken);
}
END_TEST

/* Each byte that is looked at counts. */
START_TEST(steps_count)
{
    policy.limits.left = 10000000;
    ck_assert_int_eq(luaL_dostring(L, "assert(not ('a'):rep(1000):find('a*b'))"), LUA_OK);
    ck_assert_int_lt(policy.limits.left, 10000000 - 1000 * 1000);
    policy.limits.left = 1000000;
    ck_assert_int_eq(luaL_dostring(L, "assert(('a'):rep(1000):find('^a*$'))"), LUA_OK);
    ck_assert_int_lt(policy.limits.left, 1000000 - 1000);
    ck_assert_int_gt(policy.limits.left, 1000000 - 1100);
}
END_TEST

/* However long the subject, and however many choices were made. */
START_TEST(a_match_needs_memory_for_its_pattern_only)
{
    int before, after;

    ck_assert_int_eq(
        luaL_dostring(L, "s = ('ab'):rep(400000) p = '^(.-)(.*)(.-)b' .. ('a?'):rep(2000) .. '$'"),
        LUA_OK);
    ck_assert_int_eq(
        luaL_loadstring(L, "assert(s:find('^.-.-.*.-()$'))\nassert(s:find(p) == 1)"), LUA_OK);
    lua_gc(L, LUA_GCCOLLECT);
    lua_gc(L, LUA_GCSTOP);
    before = lua_gc(L, LUA_GCCOUNT);
    ck_assert_msg(lua_pcall(L, 0, 0, 0) == LUA_OK, "%s", lua_tostring(L, -1));
    after = lua_gc(L, LUA_GCCOUNT);
    ck_assert_int_lt(after - before, 2000); /* KiB; the captures are 800 */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("policy: patterns");
    TCase *match = tcase_create("match");
    SRunner *runner;
    int failed;

    tcase_set_timeout(match, 240);
    tcase_add_checked_fixture(match, open_state, close_state);
    tcase_add_loop_test(match, patterns_do_what_the_manual_says, 0, COUNT(cases));
    tcase_add_loop_test(match, mistakes_are_named, 0, COUNT(errors));
    tcase_add_test(match, random_patterns_do_what_stock_lua_does);
    tcase_add_loop_test(match, what_would_never_end_uses_up_the_budget, 0, COUNT(endless));
    tcase_add_test(match, steps_count);
    tcase_add_test(match, a_match_needs_memory_for_its_pattern_only);
    suite_add_tcase(suite, match);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
