#include "wsman/wsman.h"

#include <check.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <libxml/xpathInternals.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHELL "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"

static struct baton_error error;
static struct wsman_answer answer;

static struct wsman_ask ask_of(enum wsman_action action)
{
    return (struct wsman_ask){
        .action = action,
        .to = "https://server01:5986/wsman",
        .message_id = "uuid:1",
        .timeout_ms = 20000,
        .idle_ms = 180500,
        .shell = action == WSMAN_CREATE ? NULL : "S-1",
        .command = "C-1",
        .line = "cmd.exe /c echo <&>",
        .input = "a\0b",
        .input_len = 3,
        .end = true,
    };
}

/* ---- What is asked ------------------------------------------------------------------------- */

/* The string value of an XPath over the envelope of that action. */
static char *value_of(enum wsman_action action, const char *path)
{
    struct wsman_ask ask = ask_of(action);
    xmlXPathContext *context;
    xmlXPathObject *found;
    char *text, *out;
    size_t len;
    xmlDoc *doc;

    ck_assert_int_eq(wsman_envelope(&ask, &text, &len, &error), BATON_OK);
    ck_assert_uint_eq(len, strlen(text));
    doc = xmlReadMemory(text, (int)len, NULL, NULL, XML_PARSE_NONET);
    free(text);
    ck_assert_ptr_nonnull(doc);
    context = xmlXPathNewContext(doc);
    xmlXPathRegisterNs(context, BAD_CAST "s", BAD_CAST "http://www.w3.org/2003/05/soap-envelope");
    xmlXPathRegisterNs(
        context, BAD_CAST "a", BAD_CAST "http://schemas.xmlsoap.org/ws/2004/08/addressing");
    xmlXPathRegisterNs(
        context, BAD_CAST "w", BAD_CAST "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd");
    xmlXPathRegisterNs(context, BAD_CAST "r", BAD_CAST SHELL);
    found = xmlXPathEvalExpression(BAD_CAST path, context);
    ck_assert_ptr_nonnull(found);
    out = (char *)xmlXPathCastToString(found);
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(context);
    xmlFreeDoc(doc);
    return out;
}

static const struct {
    enum wsman_action action;
    const char *path, *value;
} asked[] = {
    {WSMAN_CREATE, "//a:Action", "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create"},
    {WSMAN_CREATE, "//a:Action/@s:mustUnderstand", "true"},
    {WSMAN_CREATE, "//a:To", "https://server01:5986/wsman"},
    {WSMAN_CREATE, "//a:MessageID", "uuid:1"},
    {WSMAN_CREATE, "//w:OperationTimeout", "PT20.000S"},
    {WSMAN_CREATE, "//w:ResourceURI", SHELL "/cmd"},
    {WSMAN_CREATE, "//r:Shell/r:IdleTimeOut", "PT180.500S"},
    {WSMAN_CREATE, "//r:Shell/r:OutputStreams", "stdout stderr"},
    {WSMAN_CREATE, "//w:Option[@Name='WINRS_CODEPAGE']", "65001"},
    {WSMAN_CREATE, "count(//w:SelectorSet)", "0"},
    {WSMAN_COMMAND, "//w:Selector[@Name='ShellId']", "S-1"},
    {WSMAN_COMMAND, "//w:Option[@Name='WINRS_SKIP_CMD_SHELL']", "FALSE"},
    {WSMAN_COMMAND, "//r:CommandLine/r:Command", "cmd.exe /c echo <&>"},
    {WSMAN_SEND, "//r:Send/r:Stream[@Name='stdin']", "YQBi"},
    {WSMAN_SEND, "//r:Stream/@End", "true"},
    {WSMAN_SEND, "//r:Stream/@CommandId", "C-1"},
    {WSMAN_RECEIVE, "//r:Receive/r:DesiredStream[@CommandId='C-1']", "stdout stderr"},
    {WSMAN_SIGNAL, "//r:Signal[@CommandId='C-1']/r:Code", SHELL "/signal/terminate"},
    {WSMAN_DELETE, "//a:Action", "http://schemas.xmlsoap.org/ws/2004/09/transfer/Delete"},
    {WSMAN_DELETE, "count(/s:Envelope/s:Body/*)", "0"},
};

START_TEST(an_envelope_says_what_is_asked)
{
    char *value = value_of(asked[_i].action, asked[_i].path);

    ck_assert_str_eq(value, asked[_i].value);
    xmlFree(value);
}
END_TEST

/* ---- What is answered ---------------------------------------------------------------------- */

#define HEAD                                                                                       \
    "<e:Envelope xmlns:e='http://www.w3.org/2003/05/soap-envelope' "                               \
    "xmlns:x='http://schemas.xmlsoap.org/ws/2004/08/addressing' xmlns:s='" SHELL "' "              \
    "xmlns:n='http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd'>"
#define TO_US          "<e:Header><x:RelatesTo>uuid:1</x:RelatesTo></e:Header>"
#define REPLY(body)    HEAD TO_US "<e:Body>" body "</e:Body></e:Envelope>"
#define RECEIVED(body) REPLY("<s:ReceiveResponse>" body "</s:ReceiveResponse>")

static enum baton_err read_as(enum wsman_action action, const char *text)
{
    struct wsman_ask ask = ask_of(action);

    error.text[0] = '\0';
    return wsman_read(&ask, text, strlen(text), &answer, &error);
}

static void reads(enum wsman_action action, const char *text)
{
    ck_assert_msg(read_as(action, text) == BATON_OK, "%s", error.text);
}

START_TEST(a_shell_and_a_command_are_named)
{
    reads(WSMAN_CREATE, REPLY("<s:Shell><s:ShellId>\n 42-AB </s:ShellId></s:Shell>"));
    ck_assert_str_eq(answer.shell, "42-AB");
    reads(
        WSMAN_CREATE, REPLY("<n:SelectorSet><n:Selector Name='ShellId'>43</n:Selector>"
                            "</n:SelectorSet>"));
    ck_assert_str_eq(answer.shell, "43");
    reads(
        WSMAN_COMMAND, REPLY("<s:CommandResponse><s:CommandId>C-9</s:CommandId>"
                             "</s:CommandResponse>"));
    ck_assert_str_eq(answer.command, "C-9");
    reads(WSMAN_SIGNAL, REPLY("<s:SignalResponse/>"));
    reads(WSMAN_DELETE, REPLY(""));
    wsman_answer_fini(&answer);
}
END_TEST

START_TEST(streams_are_put_together)
{
    reads(
        WSMAN_RECEIVE,
        RECEIVED("<s:Stream Name='stdout' CommandId='C-1'>aGVs\r\n bG8=</s:Stream>"
                 "<s:Stream Name='stderr' CommandId='C-1'><![CDATA[b2g=]]></s:Stream>"
                 "<s:Stream Name='stdout' CommandId='c-1'>ACE=</s:Stream>"
                 "<s:Stream Name='stdout' CommandId='C-1' End='true'/>"
                 "<s:CommandState CommandId='C-1' State='" SHELL "/CommandState/Done'>"
                 "<s:ExitCode>-1073741510</s:ExitCode></s:CommandState>"));
    ck_assert_uint_eq(answer.out.len, 7);
    ck_assert_mem_eq(answer.out.text, "hello\0!", 8);
    ck_assert_str_eq(answer.err.text, "oh");
    ck_assert(answer.done && answer.has_exit);
    ck_assert_int_eq(answer.exit_code, -1073741510);
    wsman_answer_fini(&answer);
    reads(
        WSMAN_RECEIVE,
        RECEIVED("<s:CommandState CommandId='C-1' State='" SHELL "/CommandState/Running'/>"));
    ck_assert(!answer.done);
    ck_assert_ptr_null(answer.out.text);
}
END_TEST

#define FAULT(code, text)                                                                          \
    REPLY("<e:Fault><e:Code><e:Value>e:Receiver</e:Value></e:Code><e:Reason><e:Text>" text         \
          "</e:Text></e:Reason><e:Detail><f:WSManFault Code='" code                                \
          "' xmlns:f='http://schemas.microsoft.com/wbem/wsman/1/wsmanfault'><f:Message>" text      \
          "</f:Message></f:WSManFault></e:Detail></e:Fault>")

static const struct {
    const char *text;
    enum wsman_fault kind;
    const char *words;
} faulty[] = {
    {FAULT("2150858793", "x"), WSMAN_FAULT_AGAIN, "no output yet"},
    {FAULT("2150858843", "x"), WSMAN_FAULT_GONE, "the shell is not there"},
    {FAULT("2150859173", "x"), WSMAN_FAULT_FULL, "raise MaxShellsPerUser"},
    {FAULT("2147942405", "x"), WSMAN_FAULT_OTHER, "Remote Management Users"},
    {FAULT("17", "The disk\nis odd. "), WSMAN_FAULT_OTHER, "fault 17: The disk is odd."},
    {FAULT("", "just so"), WSMAN_FAULT_OTHER, "just so"},
    {REPLY("<e:Fault/>"), WSMAN_FAULT_OTHER, "gives no reason"},
    {HEAD "<e:Header/><e:Body><e:Fault><e:Reason><e:Text>unreadable</e:Text></e:Reason></e:Fault>"
          "</e:Body></e:Envelope>",
     WSMAN_FAULT_OTHER, "unreadable"},
};

START_TEST(a_fault_is_an_answer)
{
    reads(WSMAN_RECEIVE, faulty[_i].text);
    ck_assert(answer.faulty);
    ck_assert_int_eq(answer.fault, faulty[_i].kind);
    ck_assert_msg(strstr(answer.why, faulty[_i].words) != NULL, "%s", answer.why);
}
END_TEST

static const struct {
    enum wsman_action action;
    const char *text, *says;
} bad[] = {
    {WSMAN_CREATE, "", "no XML"},
    {WSMAN_CREATE, "HTTP Error 503", "no XML"},
    {WSMAN_CREATE, HEAD TO_US "<e:Body><s:Shell><s:ShellId>4", "cut off"},
    {WSMAN_CREATE, "<html><body/></html>", "no SOAP envelope"},
    {WSMAN_CREATE, "<Envelope xmlns='urn:x'><Body/></Envelope>", "no SOAP envelope"},
    {WSMAN_CREATE,
     "<!DOCTYPE e [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>" REPLY("&b;"),
     "document type"},
    {WSMAN_CREATE, "<!DOCTYPE e SYSTEM 'file:///etc/passwd'>" REPLY(""), "document type"},
    {WSMAN_CREATE, HEAD TO_US "</e:Envelope>", "no body"},
    {WSMAN_CREATE, REPLY(""), "names no shell"},
    {WSMAN_CREATE, REPLY("<s:Shell><s:ShellId>  </s:ShellId></s:Shell>"), "names no shell"},
    {WSMAN_CREATE,
     REPLY(
         "<s:ShellId>0123456789012345678901234567890123456789012345678901234567890123</s:ShellId>"),
     "names no shell"},
    {WSMAN_CREATE, REPLY("<ShellId xmlns='urn:x'>4</ShellId>"), "names no shell"},
    {WSMAN_CREATE,
     HEAD "<e:Header><x:RelatesTo>uuid:2</x:RelatesTo></e:Header><e:Body><s:ShellId>4</s:ShellId>"
          "</e:Body></e:Envelope>",
     "another message"},
    {WSMAN_CREATE, HEAD "<e:Body><s:ShellId>4</s:ShellId></e:Body></e:Envelope>",
     "another message"},
    {WSMAN_RECEIVE,
     HEAD "<e:Header><x:RelatesTo>uuid:2</x:RelatesTo></e:Header><e:Body><e:Fault/></e:Body>"
          "</e:Envelope>",
     "another message"},
    {WSMAN_COMMAND, REPLY("<s:CommandResponse/>"), "names no command"},
    {WSMAN_RECEIVE, REPLY(""), "no ReceiveResponse"},
    {WSMAN_RECEIVE, RECEIVED("<s:Stream Name='stdout' CommandId='C-1'>###</s:Stream>"),
     "no base64"},
    {WSMAN_RECEIVE, RECEIVED("<s:Stream Name='stdout' CommandId='C-2'>aGk=</s:Stream>"),
     "another command"},
    {WSMAN_RECEIVE,
     RECEIVED("<s:CommandState CommandId='C-1' State='" SHELL "/CommandState/Done'>"
              "<s:ExitCode>one</s:ExitCode></s:CommandState>"),
     "is no number"},
};

START_TEST(what_is_no_answer_is_refused)
{
    ck_assert_int_eq(read_as(bad[_i].action, bad[_i].text), BATON_INVALID);
    ck_assert_msg(strstr(error.text, bad[_i].says) != NULL, "%s", error.text);
    wsman_answer_fini(&answer);
}
END_TEST

START_TEST(an_endless_answer_is_refused)
{
    struct wsman_ask ask = ask_of(WSMAN_RECEIVE);
    size_t len = WSMAN_ANSWER_MAX + 1;
    char *text = malloc(len);

    memset(text, ' ', len);
    ck_assert_int_eq(wsman_read(&ask, text, len, &answer, &error), BATON_LIMIT);
    free(text);
}
END_TEST

/* ---- Words ------------------------------------------------------------------------------------
 */

static const struct {
    const char *argv[4], *line;
} lines[] = {
    {{"hostname", NULL}, "hostname"},
    {{"robocopy.exe", "C:\\Mail", "\\\\NAS01\\Mail", NULL},
     "robocopy.exe C:\\Mail \\\\NAS01\\Mail"},
    {{"x", "C:\\Program Files (x86)\\S\\", NULL}, "x \"C:\\Program Files (x86)\\S\\\\\""},
    {{"x", "a&b", "|", NULL}, "x \"a&b\" \"|\""},
    {{"x", "", "^", NULL}, "x \"\" \"^\""},
};

START_TEST(words_become_a_line)
{
    char *line;

    ck_assert_int_eq(wsman_line(lines[_i].argv, &line, &error), BATON_OK);
    ck_assert_str_eq(line, lines[_i].line);
    free(line);
}
END_TEST

START_TEST(what_cmd_would_change_is_refused)
{
    static const char *const words[] = {"a\"b", "%PATH%", "a\nb", "a\rb", "\x1b"};
    char *line;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        const char *argv[] = {"echo", words[i], NULL};

        ck_assert_int_eq(wsman_line(argv, &line, &error), BATON_INVALID);
        ck_assert_msg(strncmp(error.text, "word 2 ", 7) == 0, "%s", error.text);
        ck_assert_ptr_null(line);
    }
}
END_TEST

START_TEST(a_line_has_its_length)
{
    char word[WSMAN_LINE_MAX + 1], *line;
    const char *argv[] = {word, NULL};

    memset(word, 'x', sizeof word);
    word[WSMAN_LINE_MAX] = '\0';
    ck_assert_int_eq(wsman_line(argv, &line, &error), BATON_OK);
    free(line);
    argv[0] = "y";
    const char *longer[] = {"y", word, NULL};

    ck_assert_int_eq(wsman_line(longer, &line, &error), BATON_LIMIT);
    ck_assert_msg(strstr(error.text, "standard input") != NULL, "%s", error.text);
}
END_TEST

START_TEST(a_script_is_encoded)
{
    char *text = wsman_encoded("exit 3");

    ck_assert_str_eq(text, "ZQB4AGkAdAAgADMA");
    free(text);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
    Suite *suite = suite_create("wsman");
    TCase *tcase = tcase_create("wsman");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tcase, an_envelope_says_what_is_asked, 0, COUNT(asked));
    tcase_add_test(tcase, a_shell_and_a_command_are_named);
    tcase_add_test(tcase, streams_are_put_together);
    tcase_add_loop_test(tcase, a_fault_is_an_answer, 0, COUNT(faulty));
    tcase_add_loop_test(tcase, what_is_no_answer_is_refused, 0, COUNT(bad));
    tcase_add_test(tcase, an_endless_answer_is_refused);
    tcase_add_loop_test(tcase, words_become_a_line, 0, COUNT(lines));
    tcase_add_test(tcase, what_cmd_would_change_is_refused);
    tcase_add_test(tcase, a_line_has_its_length);
    tcase_add_test(tcase, a_script_is_encoded);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
