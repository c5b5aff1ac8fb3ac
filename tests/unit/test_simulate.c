/* baton simulate as a person or a script meets it: exit codes, the first broken expectation
 * with its line, the same verdicts in every format, the same bytes for the same seed, files
 * written complete or not at all. And the axis of the drawing, over random stories. */
#include "report.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libxml/parser.h>
#include <libxml/xpath.h>
#include <poll.h>
#include <pty.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64], before[4096];
static char *out, *said; /* what the last run wrote to its two streams */
static int code;

/* ---- Files ----------------------------------------------------------------------------- */

static void write_text(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void write_text(const char *name, const char *format, ...)
{
    FILE *file = fopen(name, "w");
    va_list list;

    ck_assert_ptr_nonnull(file);
    va_start(list, format);
    vfprintf(file, format, list);
    va_end(list);
    ck_assert_int_eq(fclose(file), 0);
}

/* The caller frees. */
static char *read_all(int fd)
{
    size_t used = 0, size = 1 << 16;
    char *text = malloc(size);
    ssize_t n;

    ck_assert_ptr_nonnull(text);
    while ((n = read(fd, text + used, size - used - 1)) > 0) {
        used += (size_t)n;
        if (size - used < 2) {
            char *more = realloc(text, size *= 2);

            ck_assert_ptr_nonnull(more);
            text = more;
        }
    }
    text[used] = '\0';
    close(fd);
    return text;
}

static char *read_text(const char *name)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);

    ck_assert_msg(fd >= 0, "%s: %s", name, strerror(errno));
    return read_all(fd);
}

static int count_files(void)
{
    DIR *dir = opendir(".");
    int n = 0;

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir) != NULL) {
        n++;
    }
    closedir(dir);
    return n - 2;
}

#define GOOD                                                                                       \
    "return scenario \"the primary dies\" {\n"                                                     \
    "    set { unconfirmed = 'fence' },\n"                                                         \
    "    at(60, crash 'server01'),\n"                                                              \
    "    expect.active('server02', { by = 120 }),\n"                                               \
    "    expect.moves { exactly = 1 },\n"                                                          \
    "    ends(150),\n"                                                                             \
    "}\n"
#define BROKEN                                                                                     \
    "return scenario 'too much is \\1 wanted <&> \\xff' {\n"                                       \
    "    at(60, crash_service 'server01'),\n"                                                      \
    "    expect.serves('server01', { at = 30 }),\n"                                                \
    "    expect.never 'nobody serves',\n"                                                          \
    "    expect.serves('nobody', { at = 40 }),\n"                                                  \
    "    ends(100),\n"                                                                             \
    "}\n"

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/baton-simulate-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_ptr_nonnull(getcwd(before, sizeof before));
    ck_assert_int_eq(chdir(folder), 0);
    unsetenv("NO_COLOR");
    setenv("TERM", "xterm", 1);
    write_text(
        "baton.xml", "<baton>\n"
                     "  <state directory=\"state\"/>\n"
                     "  <lua directory=\"" SOURCE_DIR "/lua\"/>\n"
                     "  <group name=\"mail\">\n"
                     "    <address ip=\"10.9.0.100/24\" interface=\"eth0\"/>\n"
                     "    <gateway address=\"10.9.0.254\"/>\n"
                     "    <policy file=\"" SOURCE_DIR "/policies/postfix-floating-ip.lua\"/>\n"
                     "    <node name=\"server01\" address=\"10.9.0.1\" priority=\"1\"><ssh "
                     "user=\"root\"/></node>\n"
                     "    <node name=\"server02\" address=\"10.9.0.2\" priority=\"2\"><ssh "
                     "user=\"root\"/></node>\n"
                     "  </group>\n"
                     "</baton>\n");
    write_text("good.lua", "%s", GOOD);
    write_text("broken.lua", "%s", BROKEN);
}

static void tear_down(void)
{
    DIR *dir = opendir(".");
    const struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        unlink(entry->d_name);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    ck_assert_int_eq(chdir(before), 0);
    rmdir(folder);
    free(out);
    free(said);
    out = said = NULL;
}

/* ---- Running --------------------------------------------------------------------------- */

static void start(const char *words)
{
    char copy[512], *argv[64], *save = NULL, *word;
    int n = 0;

    snprintf(copy, sizeof copy, "baton simulate %s", words);
    for (word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        argv[n++] = word;
    }
    argv[n] = NULL;
    execv(BATON_PATH, argv);
    _exit(99);
}

static int wait_for(pid_t pid)
{
    int status;

    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status), "baton died by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status);
}

/* Its two streams go to files, so that neither can fill. */
static void run(const char *words)
{
    FILE *file[2] = {tmpfile(), tmpfile()};
    char **kept[2] = {&out, &said};
    pid_t pid;
    int i;

    ck_assert(file[0] != NULL && file[1] != NULL);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        dup2(fileno(file[0]), STDOUT_FILENO);
        dup2(fileno(file[1]), STDERR_FILENO);
        start(words);
    }
    code = wait_for(pid);
    for (i = 0; i < 2; i++) {
        int fd = dup(fileno(file[i]));

        lseek(fd, 0, SEEK_SET);
        free(*kept[i]);
        *kept[i] = read_all(fd);
        fclose(file[i]);
    }
}

static void expect_code(int wanted)
{
    ck_assert_msg(code == wanted, "exit %d, wanted %d\n%s\n%s", code, wanted, out, said);
}

static void expect_in(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in:\n%s", part, text);
}

static void expect_not_in(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part) == NULL, "'%s' is in:\n%s", part, text);
}

/* ---- Verdicts -------------------------------------------------------------------------- */

START_TEST(what_holds_passes)
{
    run("baton.xml good.lua");
    expect_code(BATON_DONE);
    ck_assert_str_eq(said, "");
    expect_in(out, "the primary dies");
    expect_in(out, "server01 crashes");
    expect_in(out, "server02 FailingOver → Active");
    expect_in(out, "  $ sh -c ");
    expect_in(out, "  (address.add)\n");
    expect_in(out, "\npassed  the primary dies  (good.lua)\n");
    expect_in(out, "1 move,");
    expect_not_in(out, "\033");
}
END_TEST

/* Two break; the first of them is the last word, with its line. */
START_TEST(what_breaks_first_is_told_with_its_line)
{
    run("baton.xml broken.lua");
    expect_code(BATON_NO);
    expect_in(out, "\nFAILED  too much is ? wanted <&> ?  (broken.lua)\n");
    expect_in(out, "  held   server01 to serve at 30 s (line 3)\n");
    expect_in(out, "(line 4): ");
    expect_in(out, "(line 5): ");
    ck_assert_msg(strncmp(said, "baton: broken.lua:4: ", 21) == 0, "%s", said);
    ck_assert_ptr_eq(strchr(said, '\n'), said + strlen(said) - 1);
}
END_TEST

START_TEST(during_an_outage_lines_are_marked)
{
    const char *at;

    run("baton.xml good.lua");
    at = strstr(out, "server01 crashes");
    ck_assert_ptr_nonnull(at);
    while (at[-1] != '\n') {
        at--;
    }
    ck_assert_msg(strncmp(at, " 1:00.000 | server01 ", 21) == 0, "%.60s", at);
    at = strstr(out, "the client is served again");
    ck_assert_ptr_nonnull(at);
    while (at[-1] != '\n') {
        at--;
    }
    ck_assert_msg(strncmp(at + 10, "  ", 2) == 0, "%.60s", at);
}
END_TEST

START_TEST(json_has_the_same_verdicts_as_text)
{
    json_t *document, *story, *verdict;
    char *text;
    size_t i;

    run("baton.xml broken.lua");
    text = strdup(out);
    run("baton.xml broken.lua --json");
    expect_code(BATON_NO);
    ck_assert_msg(strncmp(said, "baton: broken.lua:4: ", 21) == 0, "%s", said);
    document = json_loads(out, JSON_REJECT_DUPLICATES, NULL);
    ck_assert_msg(document != NULL, "%.300s", out);
    ck_assert_int_eq(int_at(document, "failed"), 1);
    story = json_array_get(json_object_get(document, "scenarios"), 0);
    ck_assert_str_eq(text_at(story, "name"), "too much is ? wanted <&> ?");
    ck_assert_int_eq(int_at(story, "end_ms"), 100000);
    ck_assert(!bool_at(story, "passed"));
    ck_assert_uint_ge(json_array_size(json_object_get(story, "verdicts")), 3);
    json_array_foreach(json_object_get(story, "verdicts"), i, verdict)
    {
        char line[1024];

        snprintf(
            line, sizeof line, "\n  %s  %s", bool_at(verdict, "held") ? "held " : "broke",
            text_at(verdict, "text"));
        expect_in(text, line);
        expect_in(text, text_at(verdict, "why"));
    }
    json_decref(document);
    free(text);
}
END_TEST

START_TEST(json_times_are_whole_and_in_order)
{
    json_t *document, *story, *entry, *span;
    json_int_t last = 0;
    size_t i;

    run("baton.xml good.lua --json");
    document = json_loads(out, 0, NULL);
    ck_assert_ptr_nonnull(document);
    story = json_array_get(json_object_get(document, "scenarios"), 0);
    json_array_foreach(json_object_get(story, "timeline"), i, entry)
    {
        ck_assert(json_is_integer(json_object_get(entry, "at_ms")));
        ck_assert_int_ge(int_at(entry, "at_ms"), last);
        last = int_at(entry, "at_ms");
        ck_assert_str_ne(text_at(entry, "text"), "");
    }
    ck_assert_uint_gt(i, 10);
    json_array_foreach(json_object_get(story, "spans"), i, span)
    {
        ck_assert_int_le(int_at(span, "from_ms"), int_at(span, "to_ms"));
    }
    ck_assert_int_eq(json_array_size(json_object_get(story, "outages")), 1);
    json_decref(document);
}
END_TEST

START_TEST(of_several_the_failed_ones_are_told)
{
    run("baton.xml good.lua broken.lua good.lua");
    expect_code(BATON_NO);
    expect_in(out, "passed  the primary dies  (good.lua)\n");
    expect_not_in(out, "server01 crashes");
    expect_in(out, "the services on server01 crash");
    expect_in(out, "\n2 of 3 scenarios passed\n");
    run("baton.xml good.lua broken.lua good.lua --all");
    expect_in(out, "server01 crashes");
    write_text(
        "other.lua", "return scenario 'x' { expect.never 'a command', expect.holder 'nobody' }\n");
    run("baton.xml other.lua broken.lua");
    expect_in(out, "\n0 of 2 scenarios passed\n");
    ck_assert_msg(strncmp(said, "baton: other.lua:1: ", 20) == 0, "%s", said);
}
END_TEST

START_TEST(all_has_more_questions)
{
    size_t len;

    run("baton.xml good.lua");
    len = strlen(out);
    run("baton.xml good.lua --all");
    expect_code(BATON_DONE);
    ck_assert_uint_gt(strlen(out), len);
}
END_TEST

START_TEST(colours_are_for_terminals)
{
    char *text;
    pid_t pid;
    int fd;

    pid = forkpty(&fd, NULL, NULL, NULL);
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        start("baton.xml good.lua");
    }
    text = read_all(fd);
    ck_assert_int_eq(wait_for(pid), BATON_DONE);
    expect_in(text, "\033[32mpassed");
    expect_in(text, "took ");
    free(text);
}
END_TEST

/* ---- Files ----------------------------------------------------------------------------- */

static double number(xmlDoc *doc, const char *path)
{
    xmlXPathContext *context = xmlXPathNewContext(doc);
    xmlXPathObject *object = xmlXPathEvalExpression((const xmlChar *)path, context);
    double value;

    ck_assert_msg(object != NULL, "%s", path);
    value = xmlXPathCastToNumber(object);
    xmlXPathFreeObject(object);
    xmlXPathFreeContext(context);
    return value;
}

START_TEST(junit_counts_what_broke)
{
    xmlDoc *doc;

    run("baton.xml good.lua broken.lua --junit report.xml");
    expect_code(BATON_NO);
    doc = xmlReadFile("report.xml", NULL, XML_PARSE_NONET);
    ck_assert_ptr_nonnull(doc);
    ck_assert_double_eq(number(doc, "count(/testsuites/testsuite)"), 2);
    ck_assert_double_eq(number(doc, "count(//testcase) - /testsuites/@tests"), 0);
    ck_assert_double_eq(number(doc, "sum(//testsuite/@tests) - /testsuites/@tests"), 0);
    ck_assert_double_eq(number(doc, "/testsuites/@failures"), 2);
    ck_assert_double_eq(number(doc, "/testsuites/@errors"), 0);
    ck_assert_double_eq(number(doc, "count(//testcase/failure[@message != ''])"), 2);
    ck_assert_double_eq(number(doc, "count(//testcase[@line = 4]/failure)"), 1);
    ck_assert_double_eq(number(doc, "count(//testcase[not(@name) or not(@classname)])"), 0);
    ck_assert_double_eq(number(doc, "//testsuite[2]/@time"), 100);
    ck_assert_double_eq(number(doc, "count(//testcase[@classname = 'broken'])") > 0, 1);
    xmlFreeDoc(doc);
}
END_TEST

/* The page is XML, too, so that nothing in it can have been left unescaped. */
START_TEST(the_page_has_a_lane_for_each_node)
{
    xmlDoc *doc;
    char *text;

    run("baton.xml broken.lua --html page.html");
    doc = xmlReadFile("page.html", NULL, XML_PARSE_NONET);
    ck_assert_ptr_nonnull(doc);
    ck_assert_double_eq(number(doc, "count(//g[@class = 'lane'])"), 2);
    ck_assert_double_eq(number(doc, "count(//g[@class = 'lane' and @data-node = 'server02'])"), 1);
    ck_assert_double_eq(number(doc, "count(//g[@class = 'outage'])"), 1);
    ck_assert_double_eq(number(doc, "count(//h1[. = 'too much is ? wanted <&> ?'])"), 1);
    ck_assert_double_eq(number(doc, "count(//script | //link | //img | //iframe | //@src)"), 0);
    ck_assert_double_eq(number(doc, "count(//tr[@class = 'broke'])"), 2);
    xmlFreeDoc(doc);
    text = read_text("page.html");
    expect_in(text, "default-src 'none'");
    expect_not_in(text, "http://");
    expect_not_in(text, "https://");
    expect_not_in(text, "@import");
    free(text);
}
END_TEST

static void same_file(const char *one, const char *two)
{
    char *left = read_text(one), *right = read_text(two);

    ck_assert_msg(strcmp(left, right) == 0, "%s and %s differ", one, two);
    ck_assert_uint_gt(strlen(left), 100);
    free(left);
    free(right);
}

START_TEST(same_seed_same_bytes)
{
    char *first;

    run("baton.xml good.lua broken.lua --json --junit 1.xml --html 1.html --seed 7");
    first = strdup(out);
    setenv("TZ", "Asia/Tokyo", 1);
    setenv("LC_ALL", "C", 1);
    run("baton.xml good.lua broken.lua --json --junit 2.xml --html 2.html --seed 7");
    unsetenv("LC_ALL");
    unsetenv("TZ");
    ck_assert_msg(strcmp(first, out) == 0, "the JSON differs");
    same_file("1.xml", "2.xml");
    same_file("1.html", "2.html");
    free(first);
}
END_TEST

START_TEST(a_file_is_replaced_and_keeps_its_mode)
{
    struct stat status;
    char *text;
    int files;

    write_text("page.html", "old");
    ck_assert_int_eq(chmod("page.html", 0640), 0);
    ck_assert_int_eq(symlink("page.html", "link.html"), 0);
    files = count_files();
    run("baton.xml good.lua --html link.html");
    expect_code(BATON_DONE);
    ck_assert_int_eq(count_files(), files);
    ck_assert_int_eq(lstat("link.html", &status), 0);
    ck_assert(S_ISLNK(status.st_mode));
    ck_assert_int_eq(stat("page.html", &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0640);
    text = read_text("page.html");
    expect_in(text, "</html>");
    free(text);
}
END_TEST

/* /dev/stdout and the like are written to, never replaced. */
START_TEST(what_is_no_plain_file_stays)
{
    struct stat status;
    char *text;
    int fd;

    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    fd = open("pipe", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    run("baton.xml good.lua --junit pipe");
    expect_code(BATON_DONE);
    ck_assert_int_eq(lstat("pipe", &status), 0);
    ck_assert(S_ISFIFO(status.st_mode));
    text = read_all(fd);
    expect_in(text, "</testsuites>");
    free(text);
}
END_TEST

/* `baton simulate CONFIG --junit *.lua` would have eaten the first one. */
START_TEST(a_report_does_not_replace_what_is_read)
{
    struct stat was, is;

    ck_assert_int_eq(stat("good.lua", &was), 0);
    run("baton.xml broken.lua good.lua --junit ./good.lua");
    expect_code(BATON_NO);
    expect_in(said, "./good.lua is read: name another file for the report");
    ck_assert_int_eq(stat("good.lua", &is), 0);
    ck_assert(was.st_ino == is.st_ino && was.st_size == is.st_size);
}
END_TEST

START_TEST(a_file_that_cannot_be_written)
{
    run("baton.xml good.lua --html none/page.html");
    expect_code(BATON_NO);
    expect_in(said, "none/page.html: can't be written: No such file or directory");
}
END_TEST

START_TEST(output_that_does_not_fit_is_a_failure)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    pid_t pid = fd >= 0 ? fork() : -1;

    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        start("baton.xml good.lua");
    }
    close(fd);
    ck_assert_int_eq(wait_for(pid), BATON_NO);
}
END_TEST

/* ---- What is wrong --------------------------------------------------------------------- */

START_TEST(usage)
{
    run("baton.xml");
    expect_code(BATON_USAGE);
    run("baton.xml good.lua --seed many");
    expect_code(BATON_USAGE);
    run("baton.xml good.lua --watch");
    expect_code(BATON_USAGE);
}
END_TEST

/* Before anything is run; and no file is touched. */
static void refuse(const char *words, const char *message)
{
    int files;
    char *text;

    write_text("old.html", "old");
    files = count_files();
    run(words);
    expect_code(BATON_NO);
    ck_assert_str_eq(out, "");
    expect_in(said, message);
    ck_assert_int_eq(count_files(), files);
    text = read_text("old.html");
    ck_assert_str_eq(text, "old");
    free(text);
}

START_TEST(scenarios_that_are_wrong)
{
    char *json;

    write_text("bad.lua", "return scenario 'x' {\n    at(1, crashh 'server01'),\n}\n");
    write_text("worse.lua", "return scenario 'x' {\n\n    at(1, crash 'server09'),\n}\n");
    refuse(
        "baton.xml good.lua bad.lua worse.lua --html old.html --junit new.xml",
        "baton: bad.lua:2: there is no fault 'crashh'; there are: crash, hang");
    expect_in(said, "\nworse.lua:3: there is no node 'server09'; there are: server01, server02\n");
    refuse("baton.xml none.lua --html old.html", "none.lua: can't be read: No such file");
    refuse("baton.xml . --html old.html", ".: can't be read: Is a directory");
    refuse("none.xml good.lua --html old.html", "none.xml");
    refuse("baton.xml good.lua --group web --html old.html", "mail");
    run("baton.xml bad.lua --json");
    expect_code(BATON_NO);
    json = strstr(out, "bad.lua:2: ");
    ck_assert_ptr_nonnull(json);
    ck_assert_int_eq(out[0], '{');
}
END_TEST

START_TEST(a_policy_that_does_not_load)
{
    write_text("policy.lua", "local x = 1\nreturn policy { nonsense = x }\n");
    write_text(
        "other.xml", "<baton><state directory=\"state\"/><lua directory=\"" SOURCE_DIR "/lua\"/>"
                     "<group name=\"x\"><policy file=\"policy.lua\"/>"
                     "<node name=\"server01\" address=\"10.9.0.1\" priority=\"1\"><ssh/></node>"
                     "<node name=\"server02\" address=\"10.9.0.2\" priority=\"2\"><ssh/></node>"
                     "</group></baton>\n");
    refuse("other.xml good.lua --html old.html", "policy.lua:2: ");
}
END_TEST

/* ---- The axis -------------------------------------------------------------------------- */

/* It covers all of the time, from left to right; what happens lies in what is shown. */
static void check_axis(const struct axis *axis, const int64_t *times, int n, int64_t end_ms)
{
    double x = 0;
    int i, j;

    ck_assert_int_gt(axis->n, 0);
    ck_assert_int_eq(axis->piece[0].from_ms, 0);
    ck_assert_int_eq(axis->piece[axis->n - 1].to_ms, end_ms);
    for (i = 0; i < axis->n; i++) {
        const struct axis_piece *piece = &axis->piece[i];

        ck_assert_double_eq_tol(piece->x, x, 0.01);
        ck_assert_double_gt(piece->width, 0);
        ck_assert_int_lt(piece->from_ms, piece->to_ms);
        x += piece->width;
        for (j = 0; j < n && piece->skipped; j++) {
            ck_assert(times[j] <= piece->from_ms || times[j] >= piece->to_ms);
        }
    }
    ck_assert_double_eq_tol(axis->width, x, 0.01);
    ck_assert_double_lt(axis->width, 2500);
    for (i = 1; i < n; i++) {
        ck_assert_double_ge(axis_x(axis, times[i]), axis_x(axis, times[i - 1]));
    }
    ck_assert_double_ge(axis->px_per_ms * (double)axis->tick_ms, 58);
}

START_TEST(the_axis_holds_any_story)
{
    static const int64_t ends[] = {1, 500, 60000, 120000, 1020000, 86400000, INT64_C(31622400000)};
    int64_t times[400];
    struct axis axis;
    unsigned seed = 1;
    size_t e;
    int round, i;

    for (round = 0; round < 400; round++) {
        int n = rand_r(&seed) % 400;

        e = (size_t)round % (sizeof ends / sizeof ends[0]);
        for (i = 0; i < n; i++) {
            int64_t span = round % 3 == 0 ? ends[e] / 100 + 1 : ends[e] + 1;

            times[i] =
                (int64_t)(((uint64_t)rand_r(&seed) << 31 | (unsigned)rand_r(&seed)) % (uint64_t)span);
        }
        axis_lay(&axis, times, n, ends[e]);
        check_axis(&axis, times, n, ends[e]);
    }
}
END_TEST

/* A minute of quiet is left out, the seconds around what happens are not. */
START_TEST(quiet_is_left_out)
{
    int64_t times[] = {0, 60000, 65000, 70000, 600000, 605000};
    struct axis axis;

    axis_lay(&axis, times, 6, 660000);
    ck_assert_int_eq(axis.n, 7);
    ck_assert(!axis.piece[0].skipped);
    ck_assert(axis.piece[1].skipped);
    ck_assert(axis.piece[3].skipped);
    ck_assert(axis.piece[5].skipped);
    ck_assert(!axis.piece[6].skipped);
    ck_assert_double_gt(axis_x(&axis, 70000) - axis_x(&axis, 60000), 100);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("simulate");
    TCase *tcase = tcase_create("simulate");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_holds_passes);
    tcase_add_test(tcase, what_breaks_first_is_told_with_its_line);
    tcase_add_test(tcase, during_an_outage_lines_are_marked);
    tcase_add_test(tcase, json_has_the_same_verdicts_as_text);
    tcase_add_test(tcase, json_times_are_whole_and_in_order);
    tcase_add_test(tcase, of_several_the_failed_ones_are_told);
    tcase_add_test(tcase, all_has_more_questions);
    tcase_add_test(tcase, colours_are_for_terminals);
    tcase_add_test(tcase, junit_counts_what_broke);
    tcase_add_test(tcase, the_page_has_a_lane_for_each_node);
    tcase_add_test(tcase, same_seed_same_bytes);
    tcase_add_test(tcase, a_file_is_replaced_and_keeps_its_mode);
    tcase_add_test(tcase, what_is_no_plain_file_stays);
    tcase_add_test(tcase, a_file_that_cannot_be_written);
    tcase_add_test(tcase, a_report_does_not_replace_what_is_read);
    tcase_add_test(tcase, output_that_does_not_fit_is_a_failure);
    tcase_add_test(tcase, usage);
    tcase_add_test(tcase, scenarios_that_are_wrong);
    tcase_add_test(tcase, a_policy_that_does_not_load);
    tcase_add_test(tcase, the_axis_holds_any_story);
    tcase_add_test(tcase, quiet_is_left_out);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
