/* A program, on the controller or by a node's transport.
 *
 * It is asked to end (SIGTERM) shortly before its deadline, so that it can tidy up, and is
 * killed with its whole process group at the deadline. What did not end in time says
 * nothing: WORLD_UNKNOWN. Nor does what could not be run (126, 127), was killed by a
 * signal, or ssh's own failure (255). */
#include "world/live/child.h"
#include "world/live/request.h"
#include "world/live/ssh.h"
#include "world/live/winrm.h"

#include <stdio.h>
#include <string.h>

#define EXEC_ERRORS_MIN 2048 /* bytes, for the sentence of what went wrong */
#define EXEC_GRACE_MS   1000 /* at most, between SIGTERM and SIGKILL */
#define EXEC_LATE       124  /* what timeout(1) on the node says */
#define EXEC_KILLED     137  /* … where SIGTERM did not do */

struct exec {
    struct live_request head;
    struct child *child;
    struct ssh_call *call; /* NULL: local, or by winrm */
    struct winrm_run *run; /* by winrm */
    int64_t term_ms;
};

static bool ended_late(const struct exec *exec, const struct child_result *result)
{
    if (exec->call == NULL) {
        return result->termed;
    }
    return (result->code == EXEC_LATE || result->code == EXEC_KILLED) &&
           (live_now_us() - exec->head.began_us) / 1000 >= exec->term_ms;
}

static void on_ended(void *arg, const struct child_result *child)
{
    struct exec *exec = arg;
    char text[1024];
    struct world_result result = {
        .outcome = WORLD_UNKNOWN,
        .code = child->code,
        .detail = text,
        .out = child->out,
        .out_len = child->out_len,
        .err = child->err,
        .err_len = child->err_len,
        .cut = child->cut,
    };
    bool by_ssh = exec->call != NULL && child->code == SSH_FAILED;

    exec->child = NULL;
    if (exec->call != NULL && by_ssh) {
        ssh_call_explain(exec->call, child->err, child->err_len, text, sizeof text);
    } else if (ended_late(exec, child)) {
        snprintf(
            text, sizeof text, "no end within %.6g s: asked to end, it did",
            (double)exec->head.timeout_ms / 1000);
    } else {
        child_say(child, text, sizeof text);
        if (child->code >= 0 && !CHILD_CODE_NOT_RUN(child->code)) {
            result.outcome = child->code == 0 ? WORLD_OK : WORLD_FAIL;
        }
    }
    ssh_call_free(exec->call, !by_ssh && child->code >= 0);
    exec->call = NULL;
    live_request_end(&exec->head, &result);
}

static void on_run_ended(void *arg, const struct winrm_ended *ended)
{
    struct exec *exec = arg;
    struct world_result result = {
        .outcome = ended->outcome,
        .code = ended->code,
        .detail = ended->detail,
        .out = ended->out,
        .out_len = ended->out_len,
        .err = ended->err,
        .err_len = ended->err_len,
        .cut = ended->cut,
    };

    live_request_end(&exec->head, &result);
}

static bool start_run(
    struct exec *exec, const struct config_node *node, const struct world_request *wanted,
    char *why, size_t why_size)
{
    struct winrm_setup setup = {
        .argv = wanted->u.exec.argv,
        .input = wanted->u.exec.input,
        .input_len = wanted->u.exec.input_len,
        .output_max = wanted->u.exec.output_max,
        .timeout_ms = exec->head.timeout_ms,
        .heard = wanted->u.exec.heard,
        .heard_arg = wanted->u.exec.heard_arg,
        .done = on_run_ended,
        .arg = exec,
    };

    exec->run = winrm_start(live_winrm(exec->head.live), node, &setup, why, why_size);
    return exec->run != NULL;
}

static bool exec_start(
    struct live_request *request, const struct world_request *wanted, char *why, size_t why_size)
{
    struct exec *exec = (struct exec *)request;
    const char *name = wanted->u.exec.node;
    const struct config_node *node = name != NULL ? live_node(request->live, name) : NULL;
    int64_t grace_ms = request->timeout_ms / 10;
    struct child_setup setup = {
        .argv = wanted->u.exec.argv,
        .input = wanted->u.exec.input,
        .input_len = wanted->u.exec.input_len,
        .output_max = wanted->u.exec.output_max,
        .errors_min = EXEC_ERRORS_MIN,
        .done = on_ended,
        .arg = exec,
        .heard = wanted->u.exec.heard,
        .heard_arg = wanted->u.exec.heard_arg,
    };

    exec->term_ms = request->timeout_ms - (grace_ms < EXEC_GRACE_MS ? grace_ms : EXEC_GRACE_MS);
    if (name != NULL && node == NULL) {
        snprintf(why, why_size, "the configuration has no node %s", name);
        return false;
    }
    if (wanted->u.exec.argv == NULL || wanted->u.exec.argv[0] == NULL) {
        snprintf(why, why_size, "no program named");
        return false;
    }
    if (node != NULL && node->transport == CONFIG_WINRM) {
        return start_run(exec, node, wanted, why, why_size);
    }
    if (node != NULL && node->transport == CONFIG_SSH) {
        exec->call = ssh_call_new(
            live_ssh(request->live), node, wanted->u.exec.argv, exec->term_ms, request->timeout_ms);
        if (exec->call == NULL) {
            snprintf(why, why_size, "no memory for ssh to %s", name);
            return false;
        }
        setup.argv = ssh_call_argv(exec->call);
        setup.env = ssh_call_env();
    } else {
        setup.term_ms = exec->term_ms;
    }
    exec->child = child_start(live_children(request->live), &setup, why, why_size);
    return exec->child != NULL;
}

static void exec_at_deadline(struct live_request *request, struct world_result *result)
{
    struct exec *exec = (struct exec *)request;
    struct child_result child;
    struct winrm_ended run;

    if (exec->run != NULL) {
        winrm_peek(exec->run, &run);
        result->out = run.out;
        result->out_len = run.out_len;
        result->err = run.err;
        result->err_len = run.err_len;
        result->cut = run.cut;
    } else if (exec->child != NULL) {
        child_peek(exec->child, &child);
        result->out = child.out;
        result->out_len = child.out_len;
        result->err = child.err;
        result->err_len = child.err_len;
        result->cut = child.cut;
    }
}

static void exec_stop(struct live_request *request)
{
    struct exec *exec = (struct exec *)request;

    winrm_stop(exec->run);
    child_stop(exec->child);
    ssh_call_free(exec->call, false);
}

const struct live_kind live_kind_exec = {
    .name = "exec",
    .size = sizeof(struct exec),
    .start = exec_start,
    .stop = exec_stop,
    .on_deadline = WORLD_UNKNOWN,
    .at_deadline = exec_at_deadline,
};
