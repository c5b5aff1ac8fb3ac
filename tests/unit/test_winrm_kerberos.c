/* The winrm transport with Kerberos: a KDC of its own, modelled Windows hosts that take its
 * tickets. */
#include "live_fixture.h"
#include "live_server.h"
#include "windows_fixture.h"

#include "world/live/winrm_parts.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static struct fixture f;
static struct answer a;
static struct windows lab;
static struct config_group group;
static int kdc_keep, kdc_port, spare[2];
static char secret_name[] = "windows", secret_file[128], fingerprint[65], keytab[128],
            hosts_keytab[128];
static char baton[] = "baton@LAB.TEST", nobody[] = "nobody@LAB.TEST";
static char server01[] = "server01.lan", server02[] = "server02.lan", server09[] = "server09.lan";
static struct config_secret secret = {.name = secret_name, .file = secret_file};

/* As windows_up: no child of ours, ends when `kdc_keep` is closed. */
static void kdc_up(int port)
{
    char number[16], text[64] = "";
    const char *argv[] = {"/bin/sh", "-c", "exec 3<&0; \"$@\" <&3 3<&- & exit 0", "sh", KDC, f.dir,
                          number,    NULL};
    posix_spawn_file_actions_t actions;
    int in[2], out[2], status;
    FILE *said;
    pid_t pid;

    snprintf(number, sizeof number, "%d", port);
    ck_assert_int_eq(pipe2(in, 02000000 /* O_CLOEXEC */), 0);
    ck_assert_int_eq(pipe2(out, 02000000), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    ck_assert_int_eq(posix_spawn(&pid, argv[0], &actions, NULL, (char *const *)argv, environ), 0);
    waitpid(pid, &status, 0);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    kdc_keep = in[1];
    said = fdopen(out[0], "r");
    ck_assert_ptr_nonnull(fgets(text, sizeof text, said));
    ck_assert_str_eq(text, "ready\n");
    fclose(said);
}

static void set(const char *name, const char *file)
{
    char text[256];

    snprintf(text, sizeof text, "%s/%s", f.dir, file);
    setenv(name, text, 1);
}

static void add_node(const char *name, char *host, int port)
{
    struct config_node *node = &group.node[group.n_nodes++];

    node->name = (char *)(uintptr_t)name;
    node->address = (char *)"127.0.0.1";
    node->transport = CONFIG_WINRM;
    node->winrm.auth = CONFIG_NEGOTIATE;
    node->winrm.user = baton;
    node->winrm.keytab = keytab;
    node->winrm.fingerprint = fingerprint; /* one certificate for all hosts */
    node->winrm.host = host;
    node->winrm.port = port;
}

static void up(void)
{
    spare[0] = dup(0); /* take the numbers that the two pipes get: descriptors are counted */
    spare[1] = dup(0);
    fixture_prepare(&f);
    close(spare[0]);
    close(spare[1]);
    kdc_port = port_closed();
    kdc_up(kdc_port);
    set("KRB5_CONFIG", "krb5-lab.conf");
    setenv("KRB5RCACHENAME", "none:", 1); /* nothing beside the fixture's folder */
    set("KRB5_KTNAME", "hosts.keytab");
    server_certificate(f.dir, server01);
    fixture_file(&f, "password", 0600, "pa ss\n");
    snprintf(secret_file, sizeof secret_file, "%s/password", f.dir);
    windows_fingerprint(f.dir, fingerprint);
    snprintf(keytab, sizeof keytab, "%s/baton.keytab", f.dir);
    snprintf(hosts_keytab, sizeof hosts_keytab, "%s/hosts.keytab", f.dir);
    windows_up(&lab, f.dir);
    memset(&group, 0, sizeof group);
    group.name = (char *)"mail";
    add_node("server01", server01, lab.port[0]);
    add_node("server02", server02, lab.port[1]);
    f.config.n_secrets = 1;
    f.config.secret = &secret;
    f.config.n_groups = 1;
    f.config.group = &group;
    fixture_begin(&f);
}

static void down(void)
{
    answer_fini(&a);
    live_free(f.world);
    f.world = NULL;
    ck_assert_str_eq(windows_lua(&lab, "return lab.counts 'server01'"), "0 shells, 0 commands");
    ck_assert(!fixture_has(&f, "krb5cc"));
    fixture_down(&f);
    windows_down(&lab);
    close(kdc_keep);
}

static void ask(const char *node)
{
    const char *argv[] = {"hostname", NULL};
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = 25000, .group = "mail"};

    request.u.exec.node = node;
    request.u.exec.argv = argv;
    request.u.exec.output_max = 65536;
    fixture_ask(&f, &request, &a);
}

static void expect_good(const char *node)
{
    ask(node);
    ck_assert_msg(a.outcome == WORLD_OK, "%s: %s", node, a.detail);
}

static void expect_says(const char *node, const char *says)
{
    ask(node);
    ck_assert_int_eq(a.outcome, WORLD_UNKNOWN);
    ck_assert_msg(strstr(a.detail, node) != NULL, "%s", a.detail);
    ck_assert_msg(strstr(a.detail, says) != NULL, "%s", a.detail);
}

static bool kdc_is_gone(void *arg)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool gone;

    (void)arg;
    address.sin_port = htons((uint16_t)kdc_port);
    gone = connect(fd, (struct sockaddr *)&address, sizeof address) != 0;
    close(fd);
    return gone;
}

static void until_kdc_is_gone(void)
{
    dup2(0, kdc_keep); /* closes the pipe, keeps its number */
    fixture_until(&f, kdc_is_gone, NULL);
}

static void by_password(char *account)
{
    for (int i = 0; i < group.n_nodes; i++) {
        group.node[i].winrm.user = account;
        group.node[i].winrm.keytab = NULL;
        group.node[i].winrm.secret = secret_name;
    }
}

/* ---- Logging in ------------------------------------------------------------------------------ */

START_TEST(a_keytab_logs_in)
{
    expect_good("server01");
    ck_assert_str_eq(a.out, "server01\r\n");
    expect_good("server02");
    expect_good("server01");
    ck_assert(fixture_has(&f, "krb5cc"));
}
END_TEST

START_TEST(a_password_logs_in)
{
    by_password(baton);
    expect_good("server01");
}
END_TEST

/* ---- What goes wrong --------------------------------------------------------------------------
 */

START_TEST(a_wrong_password_is_said)
{
    by_password(baton);
    fixture_file(&f, "password", 0600, "other\n");
    expect_says("server01", "no Kerberos ticket of baton@LAB.TEST: wrong password");
    ck_assert_ptr_null(strstr(a.detail, "other"));
}
END_TEST

START_TEST(an_unknown_account_is_said)
{
    by_password(nobody);
    expect_says("server01", "no such account");
}
END_TEST

START_TEST(a_keytab_of_others_is_said)
{
    group.node[0].winrm.keytab = hosts_keytab;
    expect_says("server01", "the keytab has no key of this account");
}
END_TEST

START_TEST(a_host_that_the_domain_does_not_know_harms_no_other)
{
    const char *argv[] = {"hostname", NULL};
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = 25000, .group = "mail"};
    struct answer other = {0};

    group.node[0].winrm.host = server09;
    request.u.exec.node = "server01";
    request.u.exec.argv = argv;
    request.u.exec.output_max = 1024;
    world_start(f.world, &request, answer_keep, &other);
    expect_good("server02");
    fixture_wait(&f, &other);
    ck_assert_int_eq(other.outcome, WORLD_UNKNOWN);
    ck_assert_msg(
        strstr(other.detail, "for HTTP/server09.lan: the domain has no such host") != NULL, "%s",
        other.detail);
    answer_fini(&other);
    expect_good("server02");
}
END_TEST

START_TEST(a_host_that_takes_no_ticket_is_said)
{
    windows_lua(&lab, "lab.server01.faults.denied = true");
    expect_says("server01", "the Kerberos ticket of baton@LAB.TEST is refused");
    windows_lua(&lab, "lab.server01.faults.denied = nil");
    expect_good("server01");
}
END_TEST

START_TEST(without_a_kdc_there_is_no_ticket)
{
    until_kdc_is_gone();
    expect_says("server01", "no KDC answers");
}
END_TEST

/* Tickets are old at once here; those that are there are good for hours yet. */
START_TEST(a_kdc_that_goes_down_takes_no_ticket_away)
{
    expect_good("server01");
    until_kdc_is_gone();
    expect_good("server01");
    live_set_config(f.world, &f.config);
    expect_good("server01");
    expect_says("server02", "no KDC answers"); /* it has none in the cache */
}
END_TEST

/* kinit gets a ticket, kvno gets none any more: the cache of before is still there. */
START_TEST(a_renewal_that_fails_halfway_takes_no_ticket_away)
{
    char command[512];

    expect_good("server01");
    snprintf(
        command, sizeof command,
        "KRB5_KDC_PROFILE=%s/kdc.conf KRB5_CONFIG=%s/krb5-lab.conf /usr/sbin/kadmin.local -r "
        "LAB.TEST delprinc -force HTTP/server01.lan >/dev/null 2>&1",
        f.dir, f.dir);
    ck_assert_int_eq(system(command), 0); /* NOLINT(cert-env33-c): this test's own KDC */
    expect_good("server01");
    expect_good("server01");
}
END_TEST

START_TEST(another_account_gets_its_own_ticket)
{
    expect_good("server01");
    by_password(nobody);
    live_set_config(f.world, &f.config);
    expect_says("server01", "no such account");
}
END_TEST

START_TEST(clocks_apart_are_said)
{
    ck_assert_ptr_nonnull(strstr(
        winrm_ticket_words(
            false, "exit 1: kinit: Clock skew too great while getting initial credentials"),
        "synchronize"));
    ck_assert_ptr_null(winrm_ticket_words(false, "exit 1: kinit: something else"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("winrm_kerberos");
    TCase *tcase = tcase_create("winrm_kerberos");
    SRunner *runner;
    int failed;

    if (access("/usr/sbin/krb5kdc", X_OK) != 0 || access("/usr/sbin/kadmin.local", X_OK) != 0) {
        printf("skipped: there is no krb5kdc, or no kadmin.local (tools/packages)\n");
        return 77;
    }
    tcase_add_checked_fixture(tcase, up, down);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_keytab_logs_in);
    tcase_add_test(tcase, a_password_logs_in);
    tcase_add_test(tcase, a_wrong_password_is_said);
    tcase_add_test(tcase, an_unknown_account_is_said);
    tcase_add_test(tcase, a_keytab_of_others_is_said);
    tcase_add_test(tcase, a_host_that_the_domain_does_not_know_harms_no_other);
    tcase_add_test(tcase, a_host_that_takes_no_ticket_is_said);
    tcase_add_test(tcase, without_a_kdc_there_is_no_ticket);
    tcase_add_test(tcase, a_kdc_that_goes_down_takes_no_ticket_away);
    tcase_add_test(tcase, a_renewal_that_fails_halfway_takes_no_ticket_away);
    tcase_add_test(tcase, another_account_gets_its_own_ticket);
    tcase_add_test(tcase, clocks_apart_are_said);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
