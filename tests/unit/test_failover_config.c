#include "rewrite/rewrite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SHARE "\\\\NAS01\\SmarterMail\\Service"

static struct baton_error error;

static char *edited(const char *text, size_t len, const char *path, const char *ip, int enabled)
{
    struct failover_settings settings = {(char *)path, (char *)ip, enabled};
    char *out = NULL;
    size_t out_len = 0;

    error = (struct baton_error){0};
    if (failover_config_edit(text, len, &settings, &out, &out_len, &error) != BATON_OK) {
        ck_assert_str_ne(error.text, "");
        return NULL;
    }
    ck_assert_uint_eq(strlen(out), len > 0 && text[0] == '\xFF' ? strlen(out) : out_len);
    return out;
}

static const struct {
    const char *in, *out;
} edits[] = {
    /* as it is after an installation: at any depth, in any order */
    {"\xEF\xBB\xBF<?xml version=\"1.0\"?>\r\n<root>\r\n  <!-- failover -->\r\n  <a><IsEnabled>"
     "False</IsEnabled></a>\r\n\t<SharedSystemFilesPath />\r\n  "
     "<FailoverIPAddress></FailoverIPAddress>"
     "\r\n  <Other>x</Other>\r\n</root>\r\n",
     "\xEF\xBB\xBF<?xml version=\"1.0\"?>\r\n<root>\r\n  <!-- failover -->\r\n  <a><IsEnabled>"
     "True</IsEnabled></a>\r\n\t<SharedSystemFilesPath >" SHARE
     "</SharedSystemFilesPath>\r\n  <FailoverIPAddress>10.9.0.100</FailoverIPAddress>\r\n  "
     "<Other>x</Other>\r\n</root>\r\n"},
    /* namespaces */
    {"<f:c xmlns:f='u'><f:IsEnabled x='1'/><f:SharedSystemFilesPath> C:\\x "
     "</f:SharedSystemFilesPath>"
     "<f:FailoverIPAddress>1</f:FailoverIPAddress></f:c>",
     "<f:c xmlns:f='u'><f:IsEnabled x='1'>True</f:IsEnabled><f:SharedSystemFilesPath>" SHARE
     "</f:SharedSystemFilesPath><f:FailoverIPAddress>10.9.0.100</f:FailoverIPAddress></f:c>"},
    /* missing ones at the end of the root, with its line ends and prefix */
    {"<c>\r\n</c>", "<c>\r\n  <SharedSystemFilesPath>" SHARE "</SharedSystemFilesPath>\r\n"
                    "  <FailoverIPAddress>10.9.0.100</FailoverIPAddress>\r\n"
                    "  <IsEnabled>True</IsEnabled>\r\n</c>"},
    {"<f:c xmlns:f='u'/>\n",
     "<f:c xmlns:f='u'>\n  <f:SharedSystemFilesPath>" SHARE "</f:SharedSystemFilesPath>\n"
     "  <f:FailoverIPAddress>10.9.0.100</f:FailoverIPAddress>\n"
     "  <f:IsEnabled>True</f:IsEnabled>\n</f:c>\n"},
    /* what is so already stays as it is, in its own way of writing */
    {"<c><IsEnabled>\n true </IsEnabled><SharedSystemFilesPath> &#92;\\NAS01\\SmarterMail\\Service"
     "</SharedSystemFilesPath><FailoverIPAddress>10.9.0.100</FailoverIPAddress></c>",
     NULL},
};

START_TEST(settings_are_put_in_and_all_else_stays)
{
    const char *in = edits[_i].in, *wanted = edits[_i].out != NULL ? edits[_i].out : in;
    char *out = edited(in, strlen(in), SHARE, "10.9.0.100", 1);
    char *again;

    ck_assert_msg(out != NULL, "%s", error.text);
    ck_assert_str_eq(out, wanted);
    again = edited(out, strlen(out), SHARE, "10.9.0.100", 1);
    ck_assert_str_eq(again, out);
    free(again);
    free(out);
}
END_TEST

START_TEST(some_of_them)
{
    static const char in[] =
        "<c><IsEnabled>True</IsEnabled><SharedSystemFilesPath>x</SharedSystemFilesPath></c>";
    char *out = edited(in, sizeof in - 1, NULL, NULL, 0);

    ck_assert_str_eq(
        out, "<c><IsEnabled>False</IsEnabled><SharedSystemFilesPath>x</SharedSystemFilesPath></c>");
    free(out);
    out = edited(in, sizeof in - 1, "a<b&c", NULL, -1);
    ck_assert_str_eq(
        out, "<c><IsEnabled>True</IsEnabled><SharedSystemFilesPath>a&lt;b&amp;c"
             "</SharedSystemFilesPath></c>");
    free(out);
    out = edited(in, sizeof in - 1, NULL, NULL, -1);
    ck_assert_str_eq(out, in);
    free(out);
}
END_TEST

START_TEST(of_nothing_a_whole_file_is_made)
{
    struct failover_settings settings;
    char *out = edited("", 0, SHARE, "10.9.0.100", 1);

    ck_assert_str_eq(
        out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<FailoverConfig>\n  "
             "<SharedSystemFilesPath>" SHARE "</SharedSystemFilesPath>\n  "
             "<FailoverIPAddress>10.9.0.100</FailoverIPAddress>\n  "
             "<IsEnabled>True</IsEnabled>\n</FailoverConfig>\n");
    ck_assert_int_eq(failover_config_read(out, strlen(out), &settings, &error), BATON_OK);
    ck_assert_str_eq(settings.shared_system_files_path, SHARE);
    ck_assert_str_eq(settings.failover_ip_address, "10.9.0.100");
    ck_assert_int_eq(settings.is_enabled, 1);
    failover_config_fini(&settings);
    free(out);
}
END_TEST

START_TEST(utf_16_stays_utf_16)
{
    static const char in[] = "\xFF\xFE<\0c\0>\0<\0I\0s\0E\0n\0a\0b\0l\0e\0d\0/\0>\0<\0/\0c\0>\0";
    static const char out[] = "\xFF\xFE<\0c\0>\0<\0I\0s\0E\0n\0a\0b\0l\0e\0d\0>\0T\0r\0u\0e\0<\0/\0"
                              "I\0s\0E\0n\0a\0b\0l\0e\0d\0>\0<\0/\0c\0>\0";
    struct failover_settings settings = {NULL, NULL, 1};
    char *got = NULL;
    size_t len = 0;

    ck_assert_int_eq(
        failover_config_edit(in, sizeof in - 1, &settings, &got, &len, &error), BATON_OK);
    ck_assert_uint_eq(len, sizeof out - 1);
    ck_assert_int_eq(memcmp(got, out, len), 0);
    free(got);
}
END_TEST

START_TEST(reads_what_is_there)
{
    static const char text[] =
        "<c>\n<x><FailoverIPAddress>  10.9.0.100\n</FailoverIPAddress></x>"
        "<SharedSystemFilesPath>\\\\N&#xC4;S&amp;\\a b</SharedSystemFilesPath></c>";
    struct failover_settings settings;

    ck_assert_int_eq(failover_config_read(text, sizeof text - 1, &settings, &error), BATON_OK);
    ck_assert_str_eq(settings.shared_system_files_path, "\\\\NÄS&\\a b");
    ck_assert_str_eq(settings.failover_ip_address, "10.9.0.100");
    ck_assert_int_eq(settings.is_enabled, -1);
    failover_config_fini(&settings);
}
END_TEST

static const struct {
    const char *in, *why;
} bads[] = {
    {"<c>\n<IsEnabled>True</IsEnabled>\n<a><IsEnabled/></a></c>",
     "line 3: <IsEnabled> is there twice, also in line 2"},
    {"<c><FailoverIPAddress/><x:FailoverIPAddress/></c>", "<FailoverIPAddress> is there twice"},
    {"<c><IsEnabled><IsEnabled/></IsEnabled></c>", "<IsEnabled> is there twice"},
    {"<c>\n<SharedSystemFilesPath><a/></SharedSystemFilesPath></c>",
     "line 2: <SharedSystemFilesPath> holds more than text"},
    {"<c><IsEnabled>True<!-- x --></IsEnabled></c>", "<IsEnabled> holds more than text"},
    {"<c><IsEnabled><![CDATA[True]]></IsEnabled></c>", "<IsEnabled> holds more than text"},
    {"<c><IsEnabled>perhaps</IsEnabled></c>", "is \"perhaps\", and neither True nor False"},
    {"<c><IsEnabled>True</c>", "an end tag that is not that of the element"},
    {"<c><IsEnabled>Tr", "it ends in the middle"},
    {"<!DOCTYPE c><c/>", "it has a DOCTYPE"},
    {"{}", "'{' outside of the root element"},
};

START_TEST(bad_files_are_refused)
{
    struct failover_settings settings;
    const char *in = bads[_i].in;

    ck_assert_int_eq(failover_config_read(in, strlen(in), &settings, &error), BATON_INVALID);
    ck_assert_msg(strstr(error.text, bads[_i].why) != NULL, "%s", error.text);
    ck_assert_ptr_null(edited(in, strlen(in), SHARE, NULL, 1));
    ck_assert_msg(strstr(error.text, bads[_i].why) != NULL, "%s", error.text);
}
END_TEST

START_TEST(what_can_not_be_written_is_refused)
{
    static const char in[] = "<?xml version='1.0' encoding='us-ascii'?><c/>";

    ck_assert_ptr_null(edited(in, sizeof in - 1, "\\\\NÄS", NULL, -1));
    ck_assert_ptr_nonnull(strstr(error.text, "can't be written in the file's encoding, US-ASCII"));
    ck_assert_ptr_null(edited(in, sizeof in - 1, "a\xFF", NULL, -1));
    ck_assert_ptr_nonnull(strstr(error.text, "no text of UTF-8"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failoverConfig.xml");
    TCase *t = tcase_create("failoverConfig.xml");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(
        t, settings_are_put_in_and_all_else_stays, 0, (int)(sizeof edits / sizeof edits[0]));
    tcase_add_test(t, some_of_them);
    tcase_add_test(t, of_nothing_a_whole_file_is_made);
    tcase_add_test(t, utf_16_stays_utf_16);
    tcase_add_test(t, reads_what_is_there);
    tcase_add_loop_test(t, bad_files_are_refused, 0, (int)(sizeof bads / sizeof bads[0]));
    tcase_add_test(t, what_can_not_be_written_is_refused);
    suite_add_tcase(suite, t);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
