#include "rewrite_try.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAS "\\\\NAS01\\SmarterMail"

static const char *const to_nas[] = {"C:\\SmarterMail", NAS, NULL};
static const char *const two[] = {
    "C:\\SmarterMail", NAS, "C:\\SmarterMail\\Spool", "D:\\Spool", NULL};
static const char *const to_mount[] = {"/var/lib/smartermail", "/srv/mail", NULL};
static const char *const to_linux[] = {"C:\\SmarterMail", "/srv/mail", NULL};
static const char *const to_windows[] = {"/var/lib/smartermail", NAS, NULL};
static const char *const swedish[] = {"D:\\Ärenden\\Öl", "\\\\NÄS\\Öl", NULL};
static const char *const plain[] = {"C:\\Mail", "D:\\a&b<c>'\"", NULL};
static const char *const deeper[] = {"/srv", "/srv/mail", NULL};
static const char *const alike[] = {"/srv/mail", "\\SRV\\Mail\\", NULL};
static const char *const none[] = {NULL};

static const struct change {
    const char *const *rules;
    const char *in, *out;
    int replaced;
} changes[] = {
    /* what the document asks for */
    {to_nas, "<d><path>C:\\SmarterMail\\Domains\\mydomain.com</path></d>",
     "<d><path>" NAS "\\Domains\\mydomain.com</path></d>", 1},
    {to_nas, "<d path=\"C:\\SmarterMail\"/>", "<d path=\"" NAS "\"/>", 1},
    {to_nas, "<d path='C:\\SmarterMail\\'/>", "<d path='" NAS "\\'/>", 1},
    /* any case, either slash */
    {to_nas, "<d>c:/SMARTERMAIL/Domains</d>", "<d>" NAS "\\Domains</d>", 1},
    {to_nas, "<d>c:\\smartermail\\dOMAINS</d>", "<d>" NAS "\\dOMAINS</d>", 1},
    /* one path is what it is, however it is written */
    {alike, "<d>/srv/mail/x \\SRV\\MAIL</d>", NULL, 0},
    /* whole components only */
    {to_nas, "<d>C:\\SmarterMail2\\x</d>", NULL, 0},
    {to_nas, "<d>C:\\SmarterMail-old C:\\SmarterMail.bak</d>", NULL, 0},
    {to_nas, "<d>C:\\SmarterMail backup\\x</d>", NULL, 0},
    {to_nas, "<d>XC:\\SmarterMail\\x \\C:\\SmarterMail _C:\\SmarterMail</d>", NULL, 0},
    {to_nas, "<d><a>C:\\Smarter</a>Mail</d>", NULL, 0},
    {to_nas, "<d>C:\\Smarter<!-- -->Mail</d>", NULL, 0},
    /* at the end of a value, a line, in lists */
    {to_nas, "<d>C:\\SmarterMail</d>", "<d>" NAS "</d>", 1},
    {to_nas, "<d>\n  C:\\SmarterMail\n  </d>", "<d>\n  " NAS "\n  </d>", 1},
    {to_nas, "<d>C:\\SmarterMail;C:\\SmarterMail\\a,C:\\SmarterMail</d>",
     "<d>" NAS ";" NAS "\\a," NAS "</d>", 3},
    {to_nas, "<d>run \"C:\\SmarterMail\\x y\" in:C:\\SmarterMail|</d>",
     "<d>run \"" NAS "\\x y\" in:" NAS "|</d>", 2},
    /* where it only seems to begin */
    {to_nas, "<d>C:\\SmarterC:\\SmarterMail C:C:\\SmarterMail\\</d>",
     "<d>C:\\SmarterC:\\SmarterMail C:" NAS "\\</d>", 1},
    {to_nas, "<d>C:\\Smar C:\\SmarterMail\\</d>", "<d>C:\\Smar " NAS "\\</d>", 1},
    /* the longest wins */
    {two, "<d>C:\\SmarterMail\\Spool\\1 ;C:\\SmarterMail\\Spool2;C:\\SmarterMail\\Spoo</d>",
     "<d>D:\\Spool\\1 ;" NAS "\\Spool2;" NAS "\\Spoo</d>", 3},
    {two, "<d>c:\\smartermail\\spool</d>", "<d>D:\\Spool</d>", 1},
    /* references are read, and what is put in is written as one */
    {to_nas, "<d>C&#58;&#x5C;Smarter&#77;ail&#92;a&amp;b</d>", "<d>" NAS "&#92;a&amp;b</d>", 1},
    {to_nas, "<d>&#67;:\\SmarterMai</d>", NULL, 0},
    {plain, "<d a='C:\\Mail\\x'>C:\\Mail</d>",
     "<d a='D:\\a&amp;b&lt;c&gt;&apos;&quot;\\x'>D:\\a&amp;b&lt;c&gt;&apos;&quot;</d>", 2},
    {plain, "<d><![CDATA[C:\\Mail\\x]]></d>", "<d><![CDATA[D:\\a&b<c>'\"\\x]]></d>", 1},
    {to_nas, "<d><![CDATA[C:\\SmarterMail]]]]></d>", "<d><![CDATA[" NAS "]]]]></d>", 1},
    {to_nas, "<d><![CDATA[a]]b]]]>C:\\SmarterMail</d>", "<d><![CDATA[a]]b]]]>" NAS "</d>", 1},
    /* not in comments, names, instructions */
    {to_nas, "<!-- C:\\SmarterMail --><?x C:\\SmarterMail?><d>x</d><!--C:\\SmarterMail-->", NULL,
     0},
    {to_mount, "<d><var>/var/lib/smartermail/x</var></d>", "<d><var>/srv/mail/x</var></d>", 1},
    {to_mount, "<d>/mnt/var/lib/smartermail host:/var/lib/smartermail //var/lib/smartermail</d>",
     NULL, 0},
    /* the rest follows the only kind of slash that is put in */
    {to_linux, "<d a='x'>C:\\SmarterMail\\Domains\\a b/c;D:\\e</d>",
     "<d a='x'>/srv/mail/Domains/a b/c;D:\\e</d>", 1},
    {to_windows, "<d>/var/lib/smartermail/Domains/a</d>", "<d>" NAS "\\Domains\\a</d>", 1},
    /* other scripts, case too */
    {swedish, "<d>d:\\ärenden\\ÖL\\x</d>", "<d>\\\\NÄS\\Öl\\x</d>", 1},
    {swedish, "<d>D:\\Ärenden\\Ölen D:\\arenden\\ol</d>", NULL, 0},
    {to_nas, "<d>ÄC:\\SmarterMail 日C:\\SmarterMail</d>", NULL, 0},
    {to_nas, "<d>「C:\\SmarterMail\\日本語\\😀」</d>", NULL, 0},
    {to_nas, "<d>C:\\SmarterMail\\日本語\\😀</d>", "<d>" NAS "\\日本語\\😀</d>", 1},
    /* JSON */
    {to_nas, "{\"data_path\": \"c:\\\\SmarterMail\\\\Domains\\\\a.com\", \"n\": -1.5e+3}",
     "{\"data_path\": \"\\\\\\\\NAS01\\\\SmarterMail\\\\Domains\\\\a.com\", \"n\": -1.5e+3}", 1},
    {to_nas, "[\"C:\\\\SmarterMail\", \"C:/SmarterMail\\/x\", \"C:\\\\SmarterMail2\"]",
     "[\"\\\\\\\\NAS01\\\\SmarterMail\", \"\\\\\\\\NAS01\\\\SmarterMail\\\\x\", "
     "\"C:\\\\SmarterMail2\"]",
     2},
    {to_nas, "\"\\u0043:\\u005cSmarterMail\\u005Cx\\n\\ud83d\\ude00\"",
     "\"\\\\\\\\NAS01\\\\SmarterMail\\u005Cx\\n\\ud83d\\ude00\"", 1},
    {to_mount, "{\"/var/lib/smartermail/x\":{\"a\":[null,true,false,0,{}]}}",
     "{\"/srv/mail/x\":{\"a\":[null,true,false,0,{}]}}", 1},
    {to_linux, "[\"C:\\\\SmarterMail\\\\a\\\\b\", \"D:\\\\x\"]", "[\"/srv/mail/a/b\", \"D:\\\\x\"]",
     1},
    /* what would grow with each time stays as it is */
    {deeper, "[\"/srv/a\", \"/srv/mail/b\", \"/srv/mailbox\", \"/srv\", \"/srv/mail\"]",
     "[\"/srv/mail/a\", \"/srv/mail/b\", \"/srv/mail/mailbox\", \"/srv/mail\", \"/srv/mail\"]", 3},
    /* nothing to do */
    {none, "<d>C:\\SmarterMail</d>", NULL, 0},
    {to_nas, " \r\n\t [] \r\n", NULL, 0},
};

static const size_t pieces[] = {0, 1, 2, 3, 5, 7, 16, 100};
#define N_PIECES (sizeof pieces / sizeof pieces[0])

static void ck_change(
    const struct change *change, const char *in, size_t in_len, const char *out, size_t len)
{
    size_t i;

    for (i = 0; i < N_PIECES; i++) {
        struct tried tried = rewrite_try(in, in_len, change->rules, REWRITE_AUTO, pieces[i]);

        ck_assert_msg(
            tried.err == BATON_OK, "pieces of %zu of\n%s: %s", pieces[i], change->in,
            tried.error.text);
        ck_assert_msg(
            tried.len == len && memcmp(tried.out, out, len) == 0, "pieces of %zu of\n%s\ngive\n%s",
            pieces[i], change->in, tried.out);
        ck_assert_int_eq(tried.count.replaced, change->replaced);
        ck_assert_int_eq(tried.count.bytes_in, in_len);
        ck_assert_int_eq(tried.count.bytes_out, len);
        ck_assert_uint_eq(strlen(tried.count.sha256_out), 64);
        ck_assert_int_eq(
            strcmp(tried.count.sha256_in, tried.count.sha256_out) == 0, change->replaced == 0);
        free(tried.out);
    }
}

START_TEST(prefixes_are_rewritten_and_nothing_else)
{
    const struct change *change = &changes[_i];
    const char *out = change->out != NULL ? change->out : change->in;

    if (change->replaced < 0) {
        return; /* not well-formed: see below */
    }
    ck_change(change, change->in, strlen(change->in), out, strlen(out));
}
END_TEST

/* UTF-8 to UTF-16 with its mark; malloc'd. */
static char *wide(const char *text, bool big, size_t *len)
{
    size_t left = strlen(text), n = 0;
    char *out = malloc(4 * left + 4);

    out[n++] = (char)(big ? 0xFE : 0xFF);
    out[n++] = (char)(big ? 0xFF : 0xFE);
    while (*text != '\0') {
        unsigned char first = (unsigned char)*text;
        int more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
        unsigned long c = more == 0 ? first : first & (0x3Fu >> more);
        unsigned unit[2];
        int units = 1, i;

        for (text++; more > 0; more--) {
            c = c << 6 | ((unsigned char)*text++ & 0x3F);
        }
        unit[0] = (unsigned)c;
        if (c >= 0x10000) {
            unit[0] = 0xD800 | (unsigned)((c - 0x10000) >> 10);
            unit[1] = 0xDC00 | (unsigned)((c - 0x10000) & 0x3FF);
            units = 2;
        }
        for (i = 0; i < units; i++) {
            out[n++] = (char)(big ? unit[i] >> 8 : unit[i] & 0xFF);
            out[n++] = (char)(big ? unit[i] & 0xFF : unit[i] >> 8);
        }
    }
    *len = n;
    return out;
}

START_TEST(the_same_in_utf_16)
{
    const struct change *change = &changes[_i];
    size_t in_len, out_len;
    int big;

    for (big = 0; big < 2 && change->replaced >= 0; big++) {
        char *in = wide(change->in, big, &in_len);
        char *out = wide(change->out != NULL ? change->out : change->in, big, &out_len);

        ck_change(change, in, in_len, out, out_len);
        free(in);
        free(out);
    }
}
END_TEST

START_TEST(a_mark_line_ends_and_comments_stay)
{
    static const char in[] = "\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8' ?>\r\n"
                             "<!-- C:\\SmarterMail\\ \t -->\r\n\r\n<d  a = 'C:\\SmarterMail'\t>\r"
                             "  C:\\SmarterMail\\x \r\n</d  >\r\n\r\n";
    static const char out[] = "\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8' ?>\r\n"
                              "<!-- C:\\SmarterMail\\ \t -->\r\n\r\n<d  a = '" NAS "'\t>\r"
                              "  " NAS "\\x \r\n</d  >\r\n\r\n";
    struct change change = {to_nas, in, out, 2};

    ck_change(&change, in, sizeof in - 1, out, sizeof out - 1);
}
END_TEST

#define DECLARED(name) "<?xml version=\"1.0\" encoding=\"" name "\"?>"

START_TEST(single_byte_encodings_stay)
{
    static const struct {
        const char *in, *out;
    } rows[] = {
        {DECLARED("windows-1252") "<d>d:\\\xE4renden\\\xD6L\\\x80\x9F</d>",
         DECLARED("windows-1252") "<d>\\\\N\xC4S\\\xD6l\\\x80\x9F</d>"},
        {DECLARED("ISO-8859-1") "<d>D:\\\xC4renden\\\xD6l</d>",
         DECLARED("ISO-8859-1") "<d>\\\\N\xC4S\\\xD6l</d>"},
        {DECLARED("IBM850") "<d>D:\\\x8Erenden\\\x94l</d>",
         DECLARED("IBM850") "<d>\\\\N\x8ES\\\x99l</d>"},
        {"<?xml version='1.0'  encoding = 'UTF-8'?><d>D:\\Ärenden\\Öl</d>",
         "<?xml version='1.0'  encoding = 'UTF-8'?><d>\\\\NÄS\\Öl</d>"},
    };
    size_t i;

    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct change change = {swedish, rows[i].in, rows[i].out, 1};

        ck_change(&change, rows[i].in, strlen(rows[i].in), rows[i].out, strlen(rows[i].out));
    }
}
END_TEST

/* Whatever the size of a piece: a long file, where values and pieces end together. */
START_TEST(a_long_file)
{
    size_t n = 20000, in_len = 0, out_len = 0, i;
    char *in = malloc(n * 80), *out = malloc(n * 80);
    struct tried tried;

    in_len += (size_t)sprintf(in, "<domains>\n");
    out_len += (size_t)sprintf(out, "<domains>\n");
    for (i = 0; i < n; i++) {
        in_len += (size_t)sprintf(
            in + in_len, "<d id='%zu'>C:\\SmarterMail\\Domains\\%zu.org</d>\n", i, i);
        out_len +=
            (size_t)sprintf(out + out_len, "<d id='%zu'>" NAS "\\Domains\\%zu.org</d>\n", i, i);
    }
    in_len += (size_t)sprintf(in + in_len, "</domains>");
    out_len += (size_t)sprintf(out + out_len, "</domains>");
    for (i = 0; i < 3; i++) {
        tried = rewrite_try(in, in_len, to_nas, REWRITE_XML, i == 0 ? 0 : i == 1 ? 65536 : 4099);
        ck_assert_msg(tried.err == BATON_OK, "%s", tried.error.text);
        ck_assert_uint_eq(tried.len, out_len);
        ck_assert_int_eq(memcmp(tried.out, out, out_len), 0);
        ck_assert_int_eq(tried.count.replaced, n);
        free(tried.out);
    }
    free(in);
    free(out);
}
END_TEST

START_TEST(twice_is_once)
{
    size_t i;

    for (i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        const struct change *change = &changes[i];
        struct tried first =
            rewrite_try(change->in, strlen(change->in), change->rules, REWRITE_AUTO, 0);
        struct tried second = rewrite_try(first.out, first.len, change->rules, REWRITE_AUTO, 0);

        ck_assert_int_eq(second.count.replaced, 0);
        ck_assert_str_eq(second.out, first.out);
        free(first.out);
        free(second.out);
    }
}
END_TEST

START_TEST(sums_are_those_of_the_bytes)
{
    struct tried tried = rewrite_try("[]", 2, none, REWRITE_JSON, 1);

    ck_assert_str_eq(
        tried.count.sha256_in, "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945");
    ck_assert_str_eq(tried.count.sha256_out, tried.count.sha256_in);
    free(tried.out);
}
END_TEST

START_TEST(rules_that_are_none_are_refused)
{
    static const char *const wrong[][3] = {
        {"", NAS, NULL},      {"C:\\x", "", NULL},    {"/", "/srv", NULL},
        {"/srv", "\\", NULL}, {"C:\xFF", "/x", NULL}, {"/x", "C:\xC0\xAF", NULL},
        {"/x\n", "/y", NULL},
    };
    size_t i;

    for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct tried tried = rewrite_try("[]", 2, wrong[i], REWRITE_AUTO, 0);

        ck_assert_msg(tried.err == BATON_INVALID, "%zu", i);
        ck_assert_str_ne(tried.error.text, "");
        free(tried.out);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rewrite");
    TCase *t = tcase_create("rewrite");
    int n = (int)(sizeof changes / sizeof changes[0]), failed;
    SRunner *runner;

    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, prefixes_are_rewritten_and_nothing_else, 0, n);
    tcase_add_loop_test(t, the_same_in_utf_16, 0, n);
    tcase_add_test(t, a_mark_line_ends_and_comments_stay);
    tcase_add_test(t, single_byte_encodings_stay);
    tcase_add_test(t, a_long_file);
    tcase_add_test(t, twice_is_once);
    tcase_add_test(t, sums_are_those_of_the_bytes);
    tcase_add_test(t, rules_that_are_none_are_refused);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
