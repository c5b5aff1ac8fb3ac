/* What can't be rewritten is refused, with its line; and nothing else is: libxml2 is asked, too. */
#include "rewrite_try.h"

#include <check.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const rules[] = {"C:\\SmarterMail", "\\\\NAS01\\SmarterMail", NULL};
static const char *const snowman[] = {"C:\\SmarterMail", "\\\\NAS01\\☃", NULL};
static const char *const brackets[] = {"C:\\SmarterMail", "D:\\]]>", NULL};

static const struct bad {
    const char *in, *why;
} bads[] = {
    /* entities that explode, external ones: there is no DOCTYPE */
    {"<?xml version='1.0'?>\n<!DOCTYPE d [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]>\n<d>&b;</d>",
     "line 2: it has a DOCTYPE"},
    {"<!DOCTYPE d SYSTEM 'file:///etc/passwd'><d/>", "line 1: it has a DOCTYPE"},
    {"<d>\n&nbsp;</d>", "line 2: &nbsp; stands for nothing here"},
    {"<d>&#0;</d>", "&#0; stands for nothing"},
    {"<d>&#xD800;</d>", "&#xD800; stands for nothing"},
    {"<d>&#x110000;</d>", "&#x110000; stands for nothing"},
    {"<d>&#;</d>", "&#; stands for nothing"},
    {"<d>a & b</d>", "line 1: not well-formed: a \"&\" that begins no reference"},
    {"<d>&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;</d>", "a \"&\" that begins no reference"},
    /* half-written */
    {"", "line 1: it is empty"},
    {"\xEF\xBB\xBF", "line 1: it is empty"},
    {" \n ", "it is empty"},
    {"<", "line 1: it has no root element"},
    {"<d>\n<a>C:\\SmarterMail", "line 2: it ends in the middle"},
    {"<d>\n<a></d>", "line 2: not well-formed: an end tag that is not that of the element"},
    {"<d a='C:\\Smarter", "it ends in the middle"},
    {"<d><!-- ", "it ends in the middle"},
    {"<d><![CDATA[ ]]", "it ends in the middle"},
    {"<d></d", "it ends in the middle"},
    {"<!-- -->", "it has no root element"},
    {"<d>\xC3", "it ends in the middle of a character"},
    {"{\"a\":\n\"C:\\\\Smar", "line 2: it ends in the middle"},
    {"{\"a\"", "it ends in the middle"},
    {"[1", "it ends in the middle"},
    {"tru", "it ends in the middle"},
    {"-", "it ends in the middle"},
    /* not well-formed */
    {"<d/><e/>", "a second root element"},
    {"<d/>x", "'x' outside of the root element"},
    {"<d a=1/>", "'1' where the quotes of an attribute begin"},
    {"<d a='1'b='2'/>", "'b' in a tag"},
    {"<d a='1' a='2'/>", "an attribute that is there twice"},
    {"<d a='<'/>", "'<' in an attribute"},
    {"<d>]]></d>", "\"]]>\" in text"},
    {"<d><!-- -- --></d>", "after \"--\" in a comment"},
    {"<d><?xml version='1.0'?></d>", "<?xml is not at the very start"},
    {"\n<?xml version='1.0'?><d/>", "line 2: not well-formed: <?xml is not at the very start"},
    {"<1/>", "'1' after \"<\""},
    {"<d>\x01</d>", "a character that XML does not have: U+0001"},
    {"<d>\xEF\xBF\xBF</d>", "a character that XML does not have: U+FFFF"},
    /* wrong encoding */
    {"<d>\n\xE4</d>", "line 2: the byte E4 is not in the file's encoding, UTF-8"},
    {"<d>\xC0\xAF</d>", "the byte C0 is not in"},
    {"<d>\xED\xA0\x80</d>", "the byte ED is not in"},
    {"<?xml version='1.0' encoding='utf-16'?><d/>", "it says that it is utf-16, and it is not"},
    {"<?xml version='1.0' encoding='Shift_JIS'?><d/>", "its encoding, Shift_JIS, can't be kept"},
    {"<?xml version='1.0' encoding='US-ASCII'?><d>\xE4</d>",
     "is not in the file's encoding, US-ASCII"},
    {"<?xml version='1.0' encoding='windows-1252'?><d>\x81</d>", "the byte 81 is not in"},
    /* JSON */
    {"{\"a\":1,}", "'}' where a name in quotes is wanted"},
    {"{\"a\" 1}", "'1' where a colon is wanted"},
    {"[1 2]", "'2' where a comma or an end is wanted"},
    {"[1}", "'}' where something else is wanted"},
    {"[01]", "'1' where a comma or an end is wanted"},
    {"[1.]", "']' where a digit is wanted"},
    {"[\"\\x\"]", "'x' where an escape"},
    {"[\"\\u12g4\"]", "'g' where four hexadecimal digits"},
    {"[\"a\nb\"]", "a string that does not end on its line"},
    {"{} x", "'x' where the end is wanted"},
    {"[tru]", "']' where true, false or null"},
    {"// no\n{}", "'/' where a value is wanted"},
    {"'x'", "''' where a value is wanted"},
};

START_TEST(is_refused_with_its_line)
{
    static const size_t pieces[] = {0, 1, 2, 3, 7};
    size_t i;

    for (i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct tried tried =
            rewrite_try(bads[_i].in, strlen(bads[_i].in), rules, REWRITE_AUTO, pieces[i]);

        ck_assert_msg(tried.err == BATON_INVALID, "not refused: %s", bads[_i].in);
        ck_assert_msg(
            strstr(tried.error.text, bads[_i].why) != NULL, "pieces of %zu of %s: %s", pieces[i],
            bads[_i].in, tried.error.text);
        ck_assert_int_eq(strncmp(tried.error.text, "line ", 5), 0);
        free(tried.out);
    }
}
END_TEST

START_TEST(utf_16_without_a_mark)
{
    static const char text[] = "<\0d\0/\0>\0";
    struct tried tried = rewrite_try(text, sizeof text - 1, rules, REWRITE_AUTO, 0);

    ck_assert_int_eq(tried.err, BATON_INVALID);
    ck_assert_ptr_nonnull(strstr(tried.error.text, "UTF-16 without a byte order mark"));
    free(tried.out);
}
END_TEST

START_TEST(half_a_character_of_utf_16)
{
    static const char *const texts[] = {"\xFF\xFE<\0d\0>\0\x3D\xD8", "\xFF\xFE<\0d\0/\0>"};
    static const size_t lens[] = {10, 9};
    size_t i;

    for (i = 0; i < 2; i++) {
        struct tried tried = rewrite_try(texts[i], lens[i], rules, REWRITE_AUTO, 1);

        ck_assert_int_eq(tried.err, BATON_INVALID);
        ck_assert_ptr_nonnull(strstr(tried.error.text, "in the middle of a character"));
        free(tried.out);
    }
}
END_TEST

/* What is to be put in must be there in the file's encoding, and must not end what it is put into.
 * Where it is not needed nothing is said. */
START_TEST(what_can_not_be_written_is_refused)
{
    static const struct {
        const char *const *rules;
        const char *in, *why;
    } rows[] = {
        {snowman, "<?xml version='1.0' encoding='windows-1252'?>\n<d>\nC:\\SmarterMail</d>",
         "line 3: U+2603 of what is to be put in is not in the file's encoding, windows-1252"},
        {snowman, "<?xml version='1.0' encoding='windows-1252'?><d>C:\\Smarter</d>", NULL},
        {snowman, "<d>C:\\SmarterMail</d>", NULL},
        {brackets, "<d><![CDATA[C:\\SmarterMail]]></d>", "has \"]]>\", and CDATA ends there"},
        {brackets, "<d>C:\\SmarterMail</d>", NULL},
    };
    size_t i;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tried tried =
            rewrite_try(rows[i].in, strlen(rows[i].in), rows[i].rules, REWRITE_AUTO, 0);

        ck_assert_msg((tried.err == BATON_OK) == (rows[i].why == NULL), "%s", tried.error.text);
        ck_assert_msg(
            rows[i].why == NULL || strstr(tried.error.text, rows[i].why) != NULL, "%s",
            tried.error.text);
        free(tried.out);
    }
}
END_TEST

/* A million levels: it is a bound that ends it, not the memory. */
START_TEST(depth_is_bounded)
{
    size_t len = 1000000;
    char *text = malloc(3 * len);
    struct tried tried;
    size_t i;

    memset(text, '[', len);
    tried = rewrite_try(text, len, rules, REWRITE_AUTO, 0);
    ck_assert_int_eq(tried.err, BATON_INVALID);
    ck_assert_ptr_nonnull(strstr(tried.error.text, "more than 1024 levels"));
    free(tried.out);
    for (i = 0; i < len; i++) {
        text[3 * i] = '<';
        text[3 * i + 1] = 'd';
        text[3 * i + 2] = '>';
    }
    tried = rewrite_try(text, 3 * len, rules, REWRITE_AUTO, 0);
    ck_assert_int_eq(tried.err, BATON_INVALID);
    ck_assert_ptr_nonnull(strstr(tried.error.text, "more than 1024 elements"));
    free(tried.out);
    free(text);
}
END_TEST

static bool refuse(void *arg, const char *bytes, size_t len)
{
    (void)arg;
    (void)bytes;
    (void)len;
    return false;
}

START_TEST(a_sink_that_is_full_ends_it)
{
    struct rewrite_rule rule = {rules[0], rules[1]};
    struct baton_error error = {0};
    struct rewrite_count count;
    struct rewrite *rewrite;

    ck_assert_int_eq(rewrite_new(&rule, 1, REWRITE_AUTO, refuse, NULL, &rewrite, &error), BATON_OK);
    ck_assert_int_eq(rewrite_feed(rewrite, "<d/>", 4, &error), BATON_OK);
    ck_assert_int_eq(rewrite_end(rewrite, &count, &error), BATON_IO);
    ck_assert_int_eq(rewrite_feed(rewrite, "<d/>", 4, &error), BATON_IO);
    rewrite_free(rewrite);
}
END_TEST

/* ---- Against libxml2 --------------------------------------------------------------------------
 */

static uint64_t seed;

static unsigned chance(unsigned n)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(seed >> 33) % n;
}

static bool is_well_formed(const char *text, size_t len)
{
    xmlDoc *doc = xmlReadMemory(
        text, (int)len, "x", NULL, XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NONET);
    bool ok = doc != NULL && doc->intSubset == NULL;

    xmlFreeDoc(doc);
    return ok;
}

/* One or two changes of a byte, cut, doubled: what one of both refuses the other does. */
START_TEST(what_libxml2_takes_is_taken_and_nothing_else)
{
    static const char *const seeds[] = {
        "<?xml version='1.0'?>\n<d a='1' b=\"&lt;x\"><e/>text &amp; C:\\SmarterMail]]<f>x</f>"
        "<!-- c - c --><![CDATA[ <x> ]] ]]><?pi x?></d>\n<!-- end -->",
        "<domains><domain name='ä'><path>C:\\SmarterMail\\Domains\\日</path></domain></domains>",
    };
    static const char pool[] = "<>/!?-[]&;#='\"x \n\tD1:.";
    int taken = 0, i, rounds = 20000;

    seed = (uint64_t)_i + 1;
    for (i = 0; i < rounds; i++) {
        const char *from = seeds[chance(2)];
        size_t len = strlen(from), at;
        char text[512];
        struct tried tried;
        unsigned n = 1 + chance(2);
        bool well;

        memcpy(text, from, len);
        for (; n > 0; n--) {
            at = chance((unsigned)len);
            switch (chance(3)) {
            case 0:
                text[at] = pool[chance(sizeof pool - 1)];
                break;
            case 1:
                memmove(text + at, text + at + 1, len - at - 1);
                len--;
                break;
            default:
                memmove(text + at + 1, text + at, len - at);
                text[at] = pool[chance(sizeof pool - 1)];
                len++;
            }
        }
        text[len] = '\0';
        well = is_well_formed(text, len);
        tried = rewrite_try(text, len, rules, REWRITE_XML, chance(2) ? 0 : 1 + chance(9));
        /* Versions and the rest of an XML declaration, xml: names and the like are not looked at:
         * what libxml2 refuses for them is none of a path's business. */
        if (!well && tried.err == BATON_OK && strncmp(text, from, 22) != 0) {
            well = true;
        }
        ck_assert_msg(
            well == (tried.err == BATON_OK), "%s (%s):\n%s",
            well ? "libxml2 takes it" : "libxml2 refuses it", tried.error.text, text);
        taken += well;
        free(tried.out);
    }
    ck_assert_int_gt(taken, rounds / 20);
    ck_assert_int_lt(taken, rounds * 19 / 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rewrite: bad input");
    TCase *t = tcase_create("bad");
    SRunner *runner;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, is_refused_with_its_line, 0, (int)(sizeof bads / sizeof bads[0]));
    tcase_add_test(t, utf_16_without_a_mark);
    tcase_add_test(t, half_a_character_of_utf_16);
    tcase_add_test(t, what_can_not_be_written_is_refused);
    tcase_add_test(t, depth_is_bounded);
    tcase_add_test(t, a_sink_that_is_full_ends_it);
    tcase_add_loop_test(t, what_libxml2_takes_is_taken_and_nothing_else, 0, 5);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    xmlCleanupParser();
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
