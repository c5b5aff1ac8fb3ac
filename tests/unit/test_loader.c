/* Policies from files: what is refused, what a module may be called, what the check finds. */
#include "daemon/loader.h"
#include "daemon/notify.h"
#include "daemon/trim.h"

#include <check.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const char good[] =
    "local helper = require 'helper'\n"
    "return policy {\n"
    "  probes = { smtp = probe.tcp { port = 25, every = 1 } },\n"
    "  fit = function(node) return node.smtp.ok end,\n"
    "  serving = probe.exec { command = { 'status' } },\n"
    "  stop = { helper.step }, start = { helper.step }, verify = { helper.step },\n"
    "}\n";
static const char helper[] = "return { step = action { name = 'step', run = function() return true "
                             "end } }\n";

static char folder[64], file[128];
static struct policy_site site;
static struct baton_error error;

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[160];
    FILE *out;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    out = fopen(path, "w");
    ck_assert_ptr_nonnull(out);
    fputs(text, out);
    fclose(out);
    ck_assert_int_eq(chmod(path, mode), 0);
}

/* The shipped modules: the host itself loads some of them. */
static void link_library(void)
{
    char path[256];
    glob_t found;
    size_t i;

    ck_assert_int_eq(glob(SOURCE_DIR "/lua/*.lua", 0, NULL, &found), 0);
    for (i = 0; i < found.gl_pathc; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, strrchr(found.gl_pathv[i], '/') + 1);
        ck_assert_int_eq(symlink(found.gl_pathv[i], path), 0);
    }
    globfree(&found);
}

static void set_up(void)
{
    snprintf(folder, sizeof folder, "/tmp/baton-loader-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/policy.lua", folder);
    write_file("policy.lua", good, 0644);
    write_file("helper.lua", helper, 0644);
    link_library();
    memset(&error, 0, sizeof error);
    site = (struct policy_site){.group = "mail", .n_nodes = 2};
    site.node[0] = (struct policy_node_site){"server01", "192.0.2.1", "ssh", 1};
    site.node[1] = (struct policy_node_site){"server02", "192.0.2.2", "ssh", 2};
}

static void tear_down(void)
{
    char pattern[128];
    glob_t found;
    size_t i;

    snprintf(pattern, sizeof pattern, "%s/*", folder);
    ck_assert_int_eq(glob(pattern, 0, NULL, &found), 0);
    for (i = 0; i < found.gl_pathc; i++) {
        unlink(found.gl_pathv[i]);
    }
    globfree(&found);
    ck_assert_int_eq(rmdir(folder), 0);
}

static enum baton_err load(void)
{
    struct loader_want want = {
        .file = file, .lua_directory = folder, .site = &site, .world = loader_world()};
    struct policy *policy = NULL;
    enum baton_err err = loader_policy(&want, &policy, &error);

    ck_assert_int_eq(policy != NULL, err == BATON_OK);
    policy_free(policy);
    return err;
}

static void refuses(enum baton_err err, const char *part)
{
    ck_assert_int_eq(load(), err);
    ck_assert_msg(strstr(error.text, part) != NULL, "\"%s\" does not say \"%s\"", error.text, part);
}

START_TEST(a_policy_loads_with_its_module)
{
    ck_assert_msg(load() == BATON_OK, "%s", error.text);
}
END_TEST

START_TEST(a_policy_or_module_that_everybody_may_write_is_refused)
{
    chmod(file, 0666);
    refuses(BATON_INVALID, "policy.lua: everybody may write it");
    chmod(file, 0644);
    write_file("helper.lua", helper, 0646);
    refuses(BATON_INVALID, "helper.lua: everybody may write it");
}
END_TEST

START_TEST(a_file_that_is_missing_special_or_too_large_is_refused)
{
    unlink(file);
    refuses(BATON_NOT_FOUND, "policy.lua: No such file");
    ck_assert_int_eq(mkfifo(file, 0600), 0);
    refuses(BATON_INVALID, "no regular file");
    unlink(file);
    write_file("policy.lua", "", 0644);
    ck_assert_int_eq(truncate(file, LOADER_FILE_MAX + 1), 0);
    refuses(BATON_LIMIT, "at most");
}
END_TEST

START_TEST(a_module_is_only_a_plain_name)
{
    write_file("policy.lua", "require '../policy'\n", 0644);
    refuses(BATON_INVALID, "policy.lua:1:");
    write_file("policy.lua", "require 'nothing'\n", 0644);
    ck_assert_int_ne(load(), BATON_OK);
    ck_assert_msg(strstr(error.text, "nothing") != NULL, "%s", error.text);
}
END_TEST

START_TEST(a_syntax_error_names_file_and_line)
{
    write_file("policy.lua", "return policy {\n  probes = }\n", 0644);
    refuses(BATON_INVALID, "policy.lua:2:");
}
END_TEST

START_TEST(what_the_group_would_refuse_is_found)
{
    site.node[1].name = "server01";
    ck_assert_int_ne(load(), BATON_OK);
    ck_assert_msg(strstr(error.text, "policy.lua") != NULL, "%s", error.text);
    ck_assert_msg(strstr(error.text, "server01") != NULL, "%s", error.text);
}
END_TEST

START_TEST(notify_says_it_to_the_socket_that_systemd_names)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char text[64];
    ssize_t n;

    snprintf(address.sun_path, sizeof address.sun_path, "%s/notify", folder);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    notify_send("READY=1");
    n = recv(fd, text, sizeof text, MSG_DONTWAIT);
    ck_assert_int_eq(n, 7);
    ck_assert_int_eq(memcmp(text, "READY=1", 7), 0);
    notify_reloading();
    n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);
    ck_assert_int_gt(n, 0);
    text[n] = '\0';
    ck_assert_ptr_eq(strstr(text, "RELOADING=1\nMONOTONIC_USEC="), text);
    close(fd);
    notify_send("READY=1"); /* nobody there: nothing happens */
    unsetenv("NOTIFY_SOCKET");
    notify_send("READY=1");
}
END_TEST

START_TEST(the_watchdog_is_only_for_the_process_it_names)
{
    char pid[32];

    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
    ck_assert_int_eq(notify_watchdog_us(), 0);
    setenv("WATCHDOG_USEC", "30000000", 1);
    ck_assert_int_eq(notify_watchdog_us(), 30000000);
    setenv("WATCHDOG_PID", "1", 1);
    ck_assert_int_eq(notify_watchdog_us(), 0);
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    setenv("WATCHDOG_PID", pid, 1);
    ck_assert_int_eq(notify_watchdog_us(), 30000000);
    setenv("WATCHDOG_USEC", "soon", 1);
    ck_assert_int_eq(notify_watchdog_us(), 0);
}
END_TEST

START_TEST(trimming_drops_clean_pages_and_keeps_written_ones)
{
    static char written[3 * 4096] = "kept";
    size_t len = 4 << 20;
    volatile char sum = 0;
    int fd;
    char *clean;
    size_t i, there = 0;

    write_file("policy.lua", "x", 0644);
    fd = open(file, O_RDONLY | O_CLOEXEC);
    ck_assert_int_eq(truncate(file, (off_t)len), 0);
    clean = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
    ck_assert_ptr_ne(clean, MAP_FAILED);
    for (i = 0; i < len; i += 4096) {
        sum = (char)(sum + clean[i]);
    }
    written[4096] = 'w';
    ck_assert_uint_ge(trim_now(), len);
    ck_assert_int_eq(clean[0], 'x'); /* it comes back when it is needed */
    ck_assert_str_eq(written, "kept");
    ck_assert_int_eq(written[4096], 'w');
    /* mincore(2) asks the page cache, not this process: pagemap knows. */
    close(fd);
    fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    for (i = 0; i < len / 4096; i++) {
        uint64_t entry = 0;
        off_t at = (off_t)(((uintptr_t)clean / 4096 + i) * 8);

        ck_assert_int_eq(pread(fd, &entry, sizeof entry, at), (ssize_t)sizeof entry);
        there += entry >> 63;
    }
    close(fd);
    munmap(clean, len);
    ck_assert_msg(there < len / 4096 / 4, "%zu of %zu pages are still there", there, len / 4096);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loader");
    TCase *tcase = tcase_create("files");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_policy_loads_with_its_module);
    tcase_add_test(tcase, a_policy_or_module_that_everybody_may_write_is_refused);
    tcase_add_test(tcase, a_file_that_is_missing_special_or_too_large_is_refused);
    tcase_add_test(tcase, a_module_is_only_a_plain_name);
    tcase_add_test(tcase, a_syntax_error_names_file_and_line);
    tcase_add_test(tcase, what_the_group_would_refuse_is_found);
    tcase_add_test(tcase, notify_says_it_to_the_socket_that_systemd_names);
    tcase_add_test(tcase, the_watchdog_is_only_for_the_process_it_names);
    tcase_add_test(tcase, trimming_drops_clean_pages_and_keeps_written_ones);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
