/* The simulated world among peers: a door for each node, the lease store, guardians and watchdogs,
 * what the Batons ask each other, marks, and who is to blame where two serve. */
#include "world/sim/sim.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODE(i)  (SIM_NODE + (i))
#define COUNT(a) ((int)(sizeof(a) / sizeof(a)[0]))
#define TTL_MS   10000

static struct sim *sim;
static const char *const names[] = {"server01", "server02", "server03"};

/* What a request came to. */
struct end {
    int count, code;
    enum world_outcome outcome;
    int64_t at_ms, value; /* true time */
    char detail[GROUP_TEXT_MAX];
    struct lease_word word; /* of a watch, without the members … */
    int members;
    bool served[GROUP_NODES_MAX]; /* … but for what they say of themselves */
    struct world_mark mark;
    struct world_question question;
    char holder[GROUP_NAME_MAX];
};
static struct end ends[64]; /* of the requests of a test, in the order of their making */
static int n_ends;

/* ---- The stage ------------------------------------------------------------------------------ */

static struct sim_peers peers(void)
{
    return (struct sim_peers){.times = lease_times_default(), .guardian = true, .failsafe = true};
}

static void make(const struct sim_peers *setup)
{
    int i;

    n_ends = 0;
    memset(ends, 0, sizeof ends);
    ck_assert_int_eq(sim_new(1, &sim, NULL), BATON_OK);
    snprintf(sim->floating, sizeof sim->floating, "10.9.0.100");
    for (i = 0; i < COUNT(names); i++) {
        ck_assert_ptr_nonnull(sim_add_node(sim, names[i], ""));
    }
    sim_moves_with_baton(sim, "service");
    sim_moves_with_baton(sim, "address");
    ck_assert_int_eq(sim_set_peers(sim, setup), BATON_OK);
}

static void set_up(void)
{
    struct sim_peers setup = peers();

    make(&setup);
}

static void tear_down(void)
{
    sim_free(sim);
    sim = NULL;
}

static void remake(const struct sim_peers *setup)
{
    tear_down();
    make(setup);
}

static void on_done(void *arg, uint64_t request, const struct world_result *result)
{
    struct end *end = arg;
    int i;

    (void)request;
    end->count++;
    end->code = result->code;
    end->outcome = result->outcome;
    end->at_ms = sim->now_ms;
    end->value = result->value;
    end->mark = result->mark;
    snprintf(end->detail, sizeof end->detail, "%s", result->detail);
    if (result->word != NULL) {
        end->word = *result->word;
        end->members = result->word->n_members;
        for (i = 0; i < end->members; i++) {
            end->served[result->word->member[i].node] =
                result->word->member[i].serving == GROUP_YES;
        }
    }
    if (result->question != NULL) {
        end->question = *result->question;
        snprintf(end->holder, sizeof end->holder, "%s", result->question->holder);
    }
}

static struct end *start(int node, const struct world_request *request)
{
    struct end *end = &ends[n_ends++];

    ck_assert_int_le(n_ends, COUNT(ends));
    world_start(sim_door(sim, NODE(node)), request, on_done, end);
    ck_assert_int_eq(end->count, 0); /* never from within */
    return end;
}

static struct end *come_to(struct end *end)
{
    while (end->count == 0) {
        ck_assert(sim_step(sim, INT64_MAX - 1));
    }
    ck_assert_int_eq(end->count, 1);
    return end;
}

static void inject(struct sim_fault fault)
{
    struct baton_error error = {0};

    ck_assert_msg(sim_inject(sim, &fault, &error) == BATON_OK, "%s", error.text);
}

static void strike(enum sim_fault_kind kind, int place)
{
    inject((struct sim_fault){.kind = kind, .place = place, .other = SIM_NOWHERE});
}

static void cut(int from, int to)
{
    inject((struct sim_fault){.kind = SIM_CUT, .place = from, .other = to, .one_way = true});
}

static void mend(int a, int b)
{
    inject((struct sim_fault){.kind = SIM_MEND, .place = a, .other = b});
}

/* ---- Requests ---------------------------------------------------------------------------------
 */

static struct world_request lease(enum world_lease_op op)
{
    struct world_request request = {.kind = WORLD_LEASE, .timeout_ms = 1000};

    request.u.lease.op = op;
    request.u.lease.ttl_ms = TTL_MS;
    return request;
}

static struct end *renew(int node)
{
    struct world_request request = lease(WORLD_LEASE_RENEW);

    return come_to(start(node, &request));
}

static struct end *acquire(int node, int64_t epoch)
{
    struct world_request request = lease(WORLD_LEASE_ACQUIRE);

    request.u.lease.epoch = epoch;
    request.u.lease.how = GROUP_PLAN_FAILOVER;
    request.u.lease.why = "it is free";
    return come_to(start(node, &request));
}

static struct end *pass(int node, int to, int64_t epoch)
{
    struct world_request request = lease(WORLD_LEASE_PASS);

    request.u.lease.epoch = epoch;
    request.u.lease.to = names[to];
    request.u.lease.how = GROUP_PLAN_FAILBACK;
    request.u.lease.why = "the preferred one is well";
    return come_to(start(node, &request));
}

static struct end *release(int node, int64_t epoch)
{
    struct world_request request = lease(WORLD_LEASE_RELEASE);

    request.u.lease.epoch = epoch;
    return come_to(start(node, &request));
}

static struct end *publish(int node, enum group_answer serving)
{
    static struct group_member member;
    struct world_request request = lease(WORLD_LEASE_PUBLISH);

    member = (struct group_member){.node = node, .serving = serving};
    request.u.lease.member = &member;
    return come_to(start(node, &request));
}

static struct end *watch(int node, int64_t seen, int64_t timeout_ms)
{
    struct world_request request = lease(WORLD_LEASE_WATCH);

    request.timeout_ms = timeout_ms;
    request.u.lease.seen = seen;
    return start(node, &request);
}

/* All that the store says now. */
static struct end *word(int node)
{
    return come_to(watch(node, 0, 1000));
}

static struct end *guard(int node, enum world_guard_op op, int64_t until_ms)
{
    struct world_request request = {.kind = WORLD_GUARD, .timeout_ms = 1000};

    request.u.guard.op = op;
    request.u.guard.until_ms = until_ms;
    request.u.guard.epoch = 1;
    return come_to(start(node, &request));
}

static struct end *act(int node, int on, const char *effect)
{
    static const char *const argv[] = {"true", NULL};
    struct world_request request = {.kind = WORLD_EXEC, .timeout_ms = 10000};

    request.u.exec.node = names[on];
    request.u.exec.argv = argv;
    request.u.exec.effect = effect;
    return start(node, &request);
}

static void serve(int node)
{
    come_to(act(node, node, "service.start"));
    come_to(act(node, node, "address.add"));
    ck_assert(sim_serves(sim, node));
}

static struct end *peer_ask(int node, int asked)
{
    struct world_request request = {.kind = WORLD_PEER, .timeout_ms = 1000};

    request.u.peer.op = WORLD_PEER_ASK;
    request.u.peer.node = names[asked];
    request.u.peer.holder = names[node];
    request.u.peer.epoch = 7;
    request.u.peer.hold_ms = TTL_MS;
    return start(node, &request);
}

static struct end *peer_listen(int node)
{
    struct world_request request = {.kind = WORLD_PEER, .timeout_ms = 60000};

    request.u.peer.op = WORLD_PEER_LISTEN;
    return start(node, &request);
}

static struct end *peer_answer(int node, uint64_t ticket, bool yes, const char *why)
{
    struct world_request request = {.kind = WORLD_PEER, .timeout_ms = 1000};

    request.u.peer.op = WORLD_PEER_ANSWER;
    request.u.peer.ticket = ticket;
    request.u.peer.yes = yes;
    request.u.peer.why = why;
    return start(node, &request);
}

static struct end *mark(int place, int node, enum world_mark_op op, int64_t epoch, uint64_t token)
{
    struct world_request request = {.kind = WORLD_MARK, .timeout_ms = 1000};
    struct end *end = &ends[n_ends++];

    request.u.mark.op = op;
    request.u.mark.node = names[node];
    request.u.mark.epoch = epoch;
    request.u.mark.token = token;
    world_start(sim_door(sim, place), &request, on_done, end);
    return come_to(end);
}

static void ok(const struct end *end)
{
    ck_assert_msg(end->outcome == WORLD_OK, "%s", end->detail);
}

static void says(const struct end *end, enum world_outcome outcome, const char *detail)
{
    ck_assert_str_eq(end->detail, detail);
    ck_assert_int_eq(end->outcome, outcome);
}

/* ---- Doors ------------------------------------------------------------------------------------
 */

START_TEST(each_baton_acts_on_its_own_node_only)
{
    come_to(act(0, 0, "service.start"));
    ck_assert(sim_thing(&sim->node[0], "service")->up);
    says(come_to(act(0, 1, "service.start")), WORLD_FAIL, "only that node's own Baton acts there");
    ck_assert(!sim_thing(&sim->node[1], "service")->up);
}
END_TEST

START_TEST(timers_go_by_the_clock_of_their_node)
{
    struct world_request sleeps = {.kind = WORLD_SLEEP, .timeout_ms = 1000000};
    struct end *fast, *right;

    inject((struct sim_fault){.kind = SIM_DRIFT_CLOCK, .place = NODE(0), .value = 500});
    fast = start(0, &sleeps);
    right = start(1, &sleeps);
    ck_assert_int_eq(come_to(fast)->at_ms, 999501);
    ck_assert_int_eq(world_now_ms(sim_door(sim, NODE(0))), 1000000);
    ck_assert_int_eq(come_to(right)->at_ms, 1000000);
}
END_TEST

START_TEST(a_timer_that_runs_follows_a_clock_that_begins_to_drift)
{
    struct world_request sleeps = {.kind = WORLD_SLEEP, .timeout_ms = 2000000};
    struct end *end = start(0, &sleeps);

    sim_run(sim, 1000000);
    inject((struct sim_fault){.kind = SIM_DRIFT_CLOCK, .place = NODE(0), .value = -500});
    ck_assert_int_eq(come_to(end)->at_ms, 2000500);
    ck_assert_int_eq(world_now_ms(sim_door(sim, NODE(0))), 2000000);
}
END_TEST

START_TEST(what_is_timed_by_does_not_jump)
{
    struct world_request sleeps = {.kind = WORLD_SLEEP, .timeout_ms = 5000};
    struct world *world = sim_door(sim, NODE(0));
    struct end *end = start(0, &sleeps);
    int64_t wall_ms = world->ops->wall_ms(world);

    inject((struct sim_fault){.kind = SIM_JUMP_CLOCK, .place = NODE(0), .ms = 3600000});
    ck_assert_int_eq(world_now_ms(world), 0);
    ck_assert(world->ops->wall_ms(world) == wall_ms + 3600000);
    ck_assert_int_eq(come_to(end)->at_ms, 5000);
}
END_TEST

START_TEST(each_baton_hangs_for_itself_and_its_commands_run_on)
{
    struct end *other, *own = act(0, 0, "service.start");

    strike(SIM_HANG_BATON, NODE(0));
    ck_assert(sim_hangs(sim, NODE(0)) && !sim_hangs(sim, NODE(1)));
    other = act(1, 1, "service.start");
    ck_assert_int_eq(come_to(other)->at_ms, 50);
    sim_run(sim, 3000);
    ck_assert(sim_thing(&sim->node[0], "service")->up);
    ck_assert_int_eq(own->count, 0);
    strike(SIM_RECOVER_BATON, NODE(0));
    ck_assert_int_eq(come_to(own)->at_ms, 3000);
    ok(own);
}
END_TEST

START_TEST(a_node_that_hangs_holds_its_commands_too)
{
    struct end *own = act(0, 0, "service.start");

    strike(SIM_HANG, NODE(0));
    sim_run(sim, 3000);
    ck_assert(!sim_thing(&sim->node[0], "service")->up);
    strike(SIM_RECOVER, NODE(0));
    ok(come_to(own));
    ck_assert(sim_thing(&sim->node[0], "service")->up);
}
END_TEST

START_TEST(one_is_killed_and_the_others_are_answered)
{
    struct world_request sleeps = {.kind = WORLD_SLEEP, .timeout_ms = 100};
    struct end *killed = start(0, &sleeps), *lives = start(1, &sleeps);

    sim_kill(sim, NODE(0), false);
    come_to(lives);
    sim_run(sim, 1000);
    ck_assert_int_eq(killed->count, 0);
    come_to(start(0, &sleeps)); /* a new daemon */
}
END_TEST

static void on_recorded(void *arg, int64_t seq, const struct baton_error *failed)
{
    (void)seq;
    snprintf(arg, GROUP_TEXT_MAX, "%s", failed != NULL ? failed->text : "written");
}

START_TEST(each_baton_has_a_journal_of_its_own)
{
    struct group_record record = {.seq = 1};
    char said[2][GROUP_TEXT_MAX] = {"", ""};
    int i;

    strike(SIM_FILL_DISK, NODE(1));
    for (i = 0; i < 2; i++) {
        struct world *world = sim_door(sim, NODE(i));

        world->ops->record(world, "mail", NULL, &record, 1, on_recorded, said[i]);
    }
    sim_run(sim, 100);
    ck_assert_str_eq(said[0], "written");
    ck_assert_str_eq(said[1], "the journal: no space left on device");
    ck_assert_int_eq(sim->seat[1].records, 1);
    strike(SIM_FREE_DISK, SIM_NOWHERE);
    ck_assert(!sim->seat[2].disk_full);
}
END_TEST

/* ---- The lease store ---------------------------------------------------------------------------
 */

START_TEST(the_baton_is_taken_passed_and_released)
{
    struct end *end;

    ok(renew(0));
    ok(renew(1));
    says(acquire(0, 1), WORLD_OK, "taken with epoch 1");
    says(acquire(0, 1), WORLD_OK, "taken with epoch 1 already");
    says(acquire(1, 2), WORLD_FAIL, "not taken: server01 has the baton with epoch 1");
    says(
        pass(0, 1, 2), WORLD_FAIL,
        "not passed: the Baton of server02 has no live lease; does it run there?");
    ok(publish(1, GROUP_NO));
    says(pass(1, 1, 2), WORLD_FAIL, "not passed: server01 has the baton with epoch 1");
    says(pass(0, 1, 3), WORLD_FAIL, "not passed: server01 has the baton with epoch 1");
    says(pass(0, 1, 2), WORLD_OK, "passed to server02 with epoch 2");
    says(pass(0, 1, 2), WORLD_OK, "passed to server02 with epoch 2 already");
    end = word(1);
    ck_assert(end->word.mine && end->word.passed);
    ck_assert_int_eq(end->word.holder, 1);
    ck_assert_int_eq(end->word.epoch, 2);
    ck_assert_int_eq(end->word.how, GROUP_PLAN_FAILBACK);
    ck_assert_str_eq(end->word.why, "the preferred one is well");
    ck_assert(!word(0)->word.mine);
    says(release(0, 2), WORLD_FAIL, "not released: server02 has the baton with epoch 2");
    says(release(1, 2), WORLD_OK, "released with epoch 2");
    says(release(1, 2), WORLD_OK, "nobody has it any more, epoch 2");
    says(acquire(0, 2), WORLD_FAIL, "not taken: nobody has the baton, the last epoch is 2");
    ok(acquire(0, 3));
    ck_assert_int_eq(sim_holder(sim, NULL), 0);
}
END_TEST

START_TEST(who_has_no_lease_can_ask_for_nothing)
{
    says(acquire(0, 1), WORLD_UNKNOWN, "this Baton has no lease in the store yet");
    ok(renew(0));
    sim_run(sim, 20000);
    says(acquire(0, 1), WORLD_FAIL, "the lease of this Baton is gone");
}
END_TEST

START_TEST(a_lease_runs_out_by_true_time_from_when_the_store_heard_of_it)
{
    int64_t epoch;

    inject((struct sim_fault){
        .kind = SIM_SLOW, .place = NODE(0), .other = SIM_STORE, .one_way = true, .ms = 500});
    inject((struct sim_fault){.kind = SIM_DRIFT_CLOCK, .place = NODE(0), .value = 500});
    ck_assert_int_eq(renew(0)->at_ms, 505);
    ok(acquire(0, 1));
    ok(publish(0, GROUP_YES));
    sim_run(sim, 505 + TTL_MS - 1);
    ck_assert_int_eq(sim_holder(sim, NULL), 0);
    sim_run(sim, 505 + TTL_MS);
    ck_assert_int_eq(sim_holder(sim, &epoch), GROUP_NOBODY);
    ck_assert_int_eq(epoch, 1);
    ck_assert_int_eq(word(1)->members, 0);
    says(renew(0), WORLD_FAIL, "the lease was gone; there is a new one");
    says(renew(0), WORLD_OK, "renewed");
}
END_TEST

START_TEST(a_new_daemon_takes_up_the_lease_of_the_baton)
{
    ok(renew(0));
    ok(acquire(0, 1));
    sim_run(sim, 4000);
    sim_kill(sim, NODE(0), false);
    ck_assert(word(0)->word.mine); /* the one that it will take up */
    says(renew(0), WORLD_OK, "renewed");
    sim_run(sim, 4000 + TTL_MS);
    ck_assert_int_eq(sim_holder(sim, NULL), 0);
    ck_assert(word(0)->word.mine);
    sim_run(sim, 60000);
    ck_assert_int_eq(sim_holder(sim, NULL), GROUP_NOBODY);
}
END_TEST

START_TEST(who_watches_hears_of_what_is_newer_and_of_nothing_else)
{
    struct end *first, *waits;
    int64_t seen;

    ok(renew(0));
    ok(publish(0, GROUP_YES));
    first = word(1);
    ck_assert_int_eq(first->members, 1);
    ck_assert(first->served[0]);
    seen = first->word.revision;
    waits = watch(1, seen, 5000);
    ok(renew(0)); /* is no news */
    sim_run(sim, sim->now_ms + 1000);
    ck_assert_int_eq(waits->count, 0);
    ok(publish(0, GROUP_NO));
    come_to(waits);
    ck_assert_int_eq(waits->word.revision, seen + 1);
    ck_assert(!waits->served[0]);
    waits = watch(1, seen + 1, 5000);
    says(come_to(waits), WORLD_UNKNOWN, "nothing new");
    ck_assert_int_eq(waits->code, 0);
}
END_TEST

START_TEST(who_watches_hears_of_a_lease_that_ran_out)
{
    struct end *waits;

    ok(renew(0));
    ok(acquire(0, 1));
    waits = watch(1, word(1)->word.revision, 60000);
    come_to(waits);
    ck_assert_int_eq(waits->at_ms, 5 + TTL_MS);
    ck_assert_int_eq(waits->word.holder, GROUP_NOBODY);
    ck_assert_int_eq(waits->word.epoch, 1);
}
END_TEST

START_TEST(who_watches_over_a_cut_link_hears_when_it_is_mended)
{
    struct end *waits;
    int64_t seen;

    ok(renew(0));
    seen = word(1)->word.revision;
    waits = watch(1, seen, 20000);
    sim_run(sim, 1000);
    cut(SIM_STORE, NODE(1));
    ok(acquire(0, 1));
    sim_run(sim, 3000);
    ck_assert_int_eq(waits->count, 0);
    mend(SIM_STORE, NODE(1));
    ck_assert_int_eq(come_to(waits)->at_ms, 3000);
    cut(NODE(1), SIM_STORE);
    waits = watch(1, waits->word.revision, 2000);
    says(come_to(waits), WORLD_UNKNOWN, "no answer within 2000 ms");
    ck_assert_int_eq(waits->code, -1);
}
END_TEST

START_TEST(what_was_asked_is_done_though_nobody_hears_of_it)
{
    struct end *end;

    ok(renew(0));
    cut(SIM_STORE, NODE(0));
    end = acquire(0, 1);
    ck_assert_int_eq(end->outcome, WORLD_UNKNOWN);
    ck_assert_int_eq(end->at_ms, 1005);
    ck_assert_int_eq(sim_holder(sim, NULL), 0);
    mend(SIM_STORE, NODE(0));
    cut(NODE(0), SIM_STORE);
    ck_assert_int_eq(release(0, 1)->outcome, WORLD_UNKNOWN);
    ck_assert_int_eq(sim_holder(sim, NULL), 0); /* that was not done */
}
END_TEST

START_TEST(what_comes_late_to_the_store_is_done_all_the_same)
{
    struct end *end;

    ok(renew(0));
    inject((struct sim_fault){
        .kind = SIM_SLOW, .place = NODE(0), .other = SIM_STORE, .one_way = true, .ms = 4000});
    end = acquire(0, 1);
    ck_assert_int_eq(end->outcome, WORLD_UNKNOWN);
    ck_assert_int_eq(end->at_ms, 1005);
    sim_kill(sim, NODE(0), false); /* on its way it is nobody's any more */
    ck_assert_int_eq(sim_holder(sim, NULL), GROUP_NOBODY);
    sim_run(sim, 5000);
    ck_assert_int_eq(sim_holder(sim, NULL), 0);
}
END_TEST

START_TEST(an_answer_of_the_store_can_be_postponed)
{
    struct world_request request = lease(WORLD_LEASE_RENEW);
    struct end *end = start(0, &request);

    inject((struct sim_fault){.kind = SIM_POSTPONE, .ms = 700});
    ck_assert_int_eq(come_to(end)->at_ms, 705);
    ok(end);
}
END_TEST

START_TEST(a_lease_that_was_lost_is_told_though_the_first_answer_was_not_heard)
{
    ok(renew(0));
    sim_run(sim, 20000);
    cut(SIM_STORE, NODE(0));
    ck_assert_int_eq(renew(0)->outcome, WORLD_UNKNOWN);
    mend(SIM_STORE, NODE(0));
    says(renew(0), WORLD_FAIL, "the lease was gone; there is a new one");
    ok(renew(0));
}
END_TEST

START_TEST(a_pause_a_wish_and_its_answer_are_for_all)
{
    struct world_request request = lease(WORLD_LEASE_WISH);
    struct lease_wish wish = {.command = GROUP_CMD_FAILOVER, .node = 2, .by = "operator"};
    struct lease_answer answer = {.refused = true, .text = "server03 is not fit"};
    struct end *end;

    request.u.lease.wish = &wish;
    end = come_to(start(1, &request));
    ok(end);
    answer.id = end->value;
    end = word(0);
    ck_assert_int_eq(end->word.wish.id, answer.id);
    ck_assert_int_eq(end->word.wish.node, 2);
    request = lease(WORLD_LEASE_ANSWER);
    request.u.lease.answer = &answer;
    ok(come_to(start(0, &request)));
    ok(come_to(start(0, &request))); /* twice is fine */
    end = word(1);
    ck_assert_int_eq(end->word.wish.id, 0);
    ck_assert_int_eq(end->word.answer.id, answer.id);
    ck_assert_str_eq(end->word.answer.text, "server03 is not fit");
    request = lease(WORLD_LEASE_PAUSE);
    request.u.lease.why = "new disks";
    ok(come_to(start(1, &request)));
    ck_assert(word(0)->word.paused);
    ck_assert_str_eq(word(0)->word.paused_why, "new disks");
    request.u.lease.why = NULL;
    ok(come_to(start(2, &request)));
    ck_assert(!word(0)->word.paused);
}
END_TEST

START_TEST(while_the_store_is_lost_no_lease_runs_out)
{
    ok(renew(0));
    ok(acquire(0, 1));
    strike(SIM_LOSE_STORE, SIM_NOWHERE);
    ck_assert_int_eq(renew(0)->outcome, WORLD_UNKNOWN);
    sim_run(sim, 60000);
    ck_assert_int_eq(sim_holder(sim, NULL), 0);
    strike(SIM_RESTORE_STORE, SIM_NOWHERE);
    sim_run(sim, 60000 + TTL_MS - 1);
    ck_assert_int_eq(sim_holder(sim, NULL), 0);
    sim_run(sim, 60000 + TTL_MS);
    ck_assert_int_eq(sim_holder(sim, NULL), GROUP_NOBODY);
}
END_TEST

START_TEST(or_what_ran_out_meanwhile_is_gone_at_once)
{
    ok(renew(0));
    ok(acquire(0, 1));
    strike(SIM_LOSE_STORE, SIM_NOWHERE);
    sim_run(sim, 5000);
    strike(SIM_RESTORE_STORE_LATE, SIM_NOWHERE);
    sim_run(sim, TTL_MS + 4); /* it had that left */
    ck_assert_int_eq(sim_holder(sim, NULL), 0);
    sim_run(sim, TTL_MS + 5);
    ck_assert_int_eq(sim_holder(sim, NULL), GROUP_NOBODY);
    renew(0);
    ok(acquire(0, 2));
    strike(SIM_LOSE_STORE, SIM_NOWHERE);
    sim_run(sim, 60000);
    strike(SIM_RESTORE_STORE_LATE, SIM_NOWHERE);
    sim_run(sim, 60000);
    ck_assert_int_eq(sim_holder(sim, NULL), GROUP_NOBODY);
}
END_TEST

START_TEST(a_store_that_is_rolled_back_has_forgotten_the_last_grant)
{
    struct baton_error error;
    struct end *waits;

    ck_assert_int_eq(
        sim_inject(sim, &(struct sim_fault){.kind = SIM_ROLL_BACK_STORE}, &error), BATON_INVALID);
    ck_assert_str_eq(error.text, "roll_back_store: there was no grant to go back behind");
    ok(renew(0));
    ok(renew(1));
    ok(publish(1, GROUP_NO));
    ok(acquire(0, 1));
    ok(pass(0, 1, 2));
    ok(renew(2));
    waits = watch(1, word(1)->word.revision, 60000);
    sim_run(sim, 1000);
    strike(SIM_ROLL_BACK_STORE, SIM_NOWHERE);
    come_to(waits);
    ck_assert_int_eq(waits->word.epoch, 1);
    ck_assert_int_eq(waits->word.holder, 0);
    ck_assert(word(0)->word.mine);
    says(renew(2), WORLD_FAIL, "the lease was gone; there is a new one");
    ok(renew(1));
    sim_run(sim, 1000 + TTL_MS - 1); /* each lease has its whole time */
    ck_assert_int_eq(sim_holder(sim, NULL), 0);
    sim_run(sim, 1000 + TTL_MS);
    ck_assert_int_eq(sim_holder(sim, NULL), GROUP_NOBODY);
}
END_TEST

/* ---- Guardian and watchdog ----------------------------------------------------------------------
 */

START_TEST(a_guardian_stops_what_moves_whatever_refuses)
{
    serve(0);
    sim_thing(&sim->node[0], "share")->up = true;
    strike(SIM_REFUSE_STOP, NODE(0));
    ok(guard(0, WORLD_GUARD_ARM, 5000));
    sim_kill(sim, NODE(0), false); /* it outlives its Baton */
    sim_run(sim, 6499);
    ck_assert(sim_serves(sim, 0));
    sim_run(sim, 6500); /* guardian_ms later */
    ck_assert(!sim_serves(sim, 0));
    ck_assert(!sim_thing(&sim->node[0], "service")->up);
    ck_assert(!sim_thing(&sim->node[0], "address")->up);
    ck_assert(sim_thing(&sim->node[0], "share")->up);
}
END_TEST

START_TEST(a_guardian_that_hears_in_time_does_nothing)
{
    struct end *end;

    serve(0);
    says(guard(0, WORLD_GUARD_ASK, 0), WORLD_FAIL, "not armed");
    ok(guard(0, WORLD_GUARD_ARM, 5000));
    sim_run(sim, 4000);
    ok(guard(0, WORLD_GUARD_ARM, 9000));
    end = guard(0, WORLD_GUARD_ASK, 0);
    ok(end);
    ck_assert_int_eq(end->value, 9000);
    sim_run(sim, 8000);
    ok(guard(0, WORLD_GUARD_DISARM, 0));
    sim_run(sim, 60000);
    ck_assert(sim_serves(sim, 0));
    says(guard(0, WORLD_GUARD_ARM, 59000), WORLD_FAIL, "too late: it stops the service now");
    sim_run(sim, 60100);
    says(guard(0, WORLD_GUARD_DISARM, 0), WORLD_FAIL, "too late: it is stopping the service");
    sim_run(sim, 62000);
    ck_assert(!sim_serves(sim, 0));
}
END_TEST

START_TEST(a_guardian_goes_by_the_clock_of_its_node)
{
    serve(0);
    inject((struct sim_fault){.kind = SIM_DRIFT_CLOCK, .place = NODE(0), .value = -500});
    ok(guard(0, WORLD_GUARD_ARM, 1000000));
    sim_run(sim, 1001999);
    ck_assert(sim_serves(sim, 0)); /* its clock is late by half a second */
    sim_run(sim, 1002000);
    ck_assert(!sim_serves(sim, 0));
}
END_TEST

START_TEST(a_start_that_is_still_under_way_comes_to_nothing_when_the_guardian_is_through)
{
    inject((struct sim_fault){
        .kind = SIM_ACTION_SLOW, .place = NODE(0), .what = "service.start", .ms = 8000});
    come_to(act(0, 0, "address.add"));
    act(0, 0, "service.start");
    ok(guard(0, WORLD_GUARD_ARM, 2000));
    strike(SIM_HANG_BATON, NODE(0));
    sim_run(sim, 60000);
    ck_assert(!sim_serves(sim, 0));
}
END_TEST

START_TEST(a_guardian_hangs_with_its_node_and_is_gone_with_it)
{
    serve(0);
    ok(guard(0, WORLD_GUARD_ARM, 5000));
    strike(SIM_HANG, NODE(0));
    sim_run(sim, 20000);
    ck_assert(sim_thing(&sim->node[0], "service")->up);
    strike(SIM_RECOVER, NODE(0));
    sim_run(sim, 21500);
    ck_assert(!sim_serves(sim, 0));
    serve(0);
    ok(guard(0, WORLD_GUARD_ARM, 25000));
    strike(SIM_CRASH, NODE(0));
    strike(SIM_RECOVER, NODE(0));
    says(guard(0, WORLD_GUARD_ASK, 0), WORLD_FAIL, "not armed");
    serve(0);
    sim_run(sim, 60000);
    ck_assert(sim_serves(sim, 0));
}
END_TEST

START_TEST(a_guardian_that_is_killed_comes_back_and_knows_nothing)
{
    serve(0);
    ok(guard(0, WORLD_GUARD_ARM, 5000));
    strike(SIM_KILL_GUARDIAN, NODE(0));
    sim_run(sim, 20000);
    ck_assert(sim_serves(sim, 0));
    says(guard(0, WORLD_GUARD_ASK, 0), WORLD_FAIL, "not armed");
    ok(guard(0, WORLD_GUARD_ARM, 25000));
    sim_run(sim, 26500);
    ck_assert(!sim_serves(sim, 0));
}
END_TEST

START_TEST(where_there_is_no_guardian_none_can_be_armed)
{
    struct sim_peers setup = peers();

    setup.guardian = false;
    remake(&setup);
    says(guard(0, WORLD_GUARD_ARM, 5000), WORLD_UNKNOWN, "there is no guardian");
}
END_TEST

START_TEST(a_watchdog_switches_off_a_node_that_hangs)
{
    struct sim_peers setup = peers();

    setup.times.watchdog_ms = 3000;
    remake(&setup);
    serve(0);
    ok(guard(0, WORLD_GUARD_ARM, 5000));
    sim_run(sim, 1000);
    strike(SIM_HANG, NODE(0));
    sim_run(sim, 3000);
    strike(SIM_RECOVER, NODE(0)); /* in time */
    ok(guard(0, WORLD_GUARD_ARM, 12000));
    sim_run(sim, 11000);
    strike(SIM_HANG, NODE(0));
    sim_run(sim, 13999);
    ck_assert(sim->node[0].on);
    sim_run(sim, 14000);
    ck_assert(!sim->node[0].on);
    strike(SIM_RECOVER, NODE(0));
    ck_assert(!sim_serves(sim, 0));
}
END_TEST

START_TEST(a_watchdog_is_fed_no_longer_than_so_that_the_machine_is_gone_in_time)
{
    struct sim_peers setup = peers();

    setup.times.watchdog_ms = 3000;
    remake(&setup);
    serve(0);
    ok(guard(0, WORLD_GUARD_ARM, 5000));
    sim_run(sim, 6000); /* the guardian is stopping the service */
    strike(SIM_HANG, NODE(0));
    sim_run(sim, 7999);
    ck_assert(sim->node[0].on);
    sim_run(sim, 8000);
    ck_assert(!sim->node[0].on);
}
END_TEST

START_TEST(a_guardian_that_is_killed_does_not_feed_its_watchdog)
{
    struct sim_peers setup = peers();

    setup.times.watchdog_ms = 3000;
    remake(&setup);
    serve(0);
    ok(guard(0, WORLD_GUARD_ARM, 5000));
    strike(SIM_KILL_GUARDIAN, NODE(0));
    sim_run(sim, 2000);
    ok(guard(0, WORLD_GUARD_ARM, 6000)); /* a new one feeds it */
    strike(SIM_KILL_GUARDIAN, NODE(0));
    sim_run(sim, 5000);
    ck_assert(sim->node[0].on);
    sim_run(sim, 5001);
    ck_assert(!sim->node[0].on);
}
END_TEST

/* ---- What the Batons ask each other
 * ---------------------------------------------------------------- */

START_TEST(a_question_comes_to_who_listens_and_its_answer_back)
{
    struct end *listens = peer_listen(1), *asks = peer_ask(0, 1);

    come_to(listens);
    ok(listens);
    ck_assert_str_eq(listens->holder, "server01");
    ck_assert_int_eq(listens->question.epoch, 7);
    ck_assert_int_eq(listens->question.hold_ms, TTL_MS);
    ck_assert_int_eq(asks->count, 0);
    ok(come_to(peer_answer(1, listens->question.ticket, true, "it is stopped")));
    says(come_to(asks), WORLD_OK, "it is stopped");
    says(
        come_to(peer_answer(1, listens->question.ticket, true, NULL)), WORLD_FAIL,
        "nobody waits for that answer any more");
}
END_TEST

START_TEST(questions_wait_for_a_listener_in_their_order)
{
    struct end *first = peer_ask(0, 1), *second = peer_ask(2, 1), *listens;

    sim_run(sim, 100);
    listens = come_to(peer_listen(1));
    ck_assert_str_eq(listens->holder, "server01");
    come_to(peer_answer(1, listens->question.ticket, false, "it serves"));
    says(come_to(first), WORLD_FAIL, "it serves");
    listens = come_to(peer_listen(1));
    ck_assert_str_eq(listens->holder, "server03");
    ck_assert_int_eq(second->count, 0);
    says(come_to(second), WORLD_UNKNOWN, "no answer within 1000 ms");
}
END_TEST

START_TEST(who_can_not_be_asked_says_nothing)
{
    struct end *listens;

    cut(NODE(0), NODE(1));
    says(come_to(peer_ask(0, 1)), WORLD_UNKNOWN, "no answer within 1000 ms");
    mend(NODE(0), NODE(1));
    strike(SIM_HANG, NODE(1));
    says(come_to(peer_ask(0, 1)), WORLD_UNKNOWN, "no answer within 1000 ms");
    strike(SIM_RECOVER, NODE(1));
    sim_kill(sim, NODE(1), false);
    says(come_to(peer_ask(0, 1)), WORLD_UNKNOWN, "connection refused");
    listens = peer_listen(1);
    cut(NODE(1), NODE(0)); /* it promises, and that does not come back */
    peer_ask(0, 1);
    come_to(listens);
    ok(come_to(peer_answer(1, listens->question.ticket, true, NULL)));
    sim_run(sim, sim->now_ms + 5000);
    ck_assert_int_eq(ends[n_ends - 2].outcome, WORLD_UNKNOWN);
    ck_assert_int_eq(ends[n_ends - 2].count, 1);
}
END_TEST

START_TEST(a_baton_that_hangs_hears_of_it_when_it_goes_on)
{
    struct end *listens = peer_listen(1), *asks;

    strike(SIM_HANG_BATON, NODE(1));
    asks = peer_ask(0, 1);
    says(come_to(asks), WORLD_UNKNOWN, "no answer within 1000 ms");
    ck_assert_int_eq(listens->count, 0);
    strike(SIM_RECOVER_BATON, NODE(1));
    ok(come_to(listens));
    come_to(peer_answer(1, listens->question.ticket, true, NULL)); /* too late, and harmless */
    ck_assert_int_eq(asks->count, 1);
}
END_TEST

START_TEST(a_question_to_a_daemon_that_is_killed_is_not_for_the_next_one)
{
    struct world_request sleeps = {.kind = WORLD_SLEEP, .timeout_ms = 1};
    struct end *asks = peer_ask(0, 1), *listens;

    sim_run(sim, 100);
    sim_kill(sim, NODE(1), false);
    come_to(start(1, &sleeps));
    listens = peer_listen(1);
    says(come_to(asks), WORLD_UNKNOWN, "no answer within 1000 ms");
    says(come_to(listens), WORLD_UNKNOWN, "nobody asked");
}
END_TEST

/* ---- Marks -------------------------------------------------------------------------------------
 */

START_TEST(a_node_keeps_the_mark_of_the_newest_grant)
{
    struct end *end = mark(NODE(0), 0, WORLD_MARK_READ, 0, 0);

    ok(end);
    ck_assert_int_eq(end->mark.epoch, 0);
    ok(mark(NODE(0), 0, WORLD_MARK_WRITE, 3, 33));
    ok(mark(NODE(0), 0, WORLD_MARK_WRITE, 3, 33));
    end = mark(NODE(0), 0, WORLD_MARK_WRITE, 3, 34);
    ck_assert_int_eq(end->outcome, WORLD_FAIL);
    ck_assert_uint_eq(end->mark.token, 33);
    ck_assert_int_eq(mark(NODE(0), 0, WORLD_MARK_WRITE, 2, 22)->outcome, WORLD_FAIL);
    ok(mark(NODE(0), 0, WORLD_MARK_WRITE, 4, 44));
    strike(SIM_CRASH, NODE(0));
    sim_kill(sim, NODE(0), false);
    strike(SIM_RECOVER, NODE(0));
    end = mark(NODE(0), 0, WORLD_MARK_READ, 0, 0);
    ck_assert_int_eq(end->mark.epoch, 4);
    ck_assert_uint_eq(end->mark.token, 44);
    strike(SIM_FORGET_MARK, NODE(0));
    ck_assert_int_eq(mark(NODE(0), 0, WORLD_MARK_READ, 0, 0)->mark.epoch, 0);
    says(
        mark(NODE(0), 1, WORLD_MARK_READ, 0, 0), WORLD_FAIL,
        "only that node's own Baton acts there");
}
END_TEST

START_TEST(one_controller_marks_over_the_link_to_the_node)
{
    struct end *end;

    tear_down();
    ck_assert_int_eq(sim_new(1, &sim, NULL), BATON_OK);
    sim_add_node(sim, names[0], "");
    ok(mark(SIM_CONTROLLER, 0, WORLD_MARK_WRITE, 1, 11));
    cut(NODE(0), SIM_CONTROLLER);
    ck_assert_int_eq(mark(SIM_CONTROLLER, 0, WORLD_MARK_WRITE, 2, 22)->outcome, WORLD_UNKNOWN);
    ck_assert_int_eq(sim->node[0].mark.epoch, 2); /* done, and not answered */
    mend(NODE(0), SIM_CONTROLLER);
    inject((struct sim_fault){
        .kind = SIM_ACTION_FAILS, .place = NODE(0), .what = "mark.write", .times = 1});
    says(mark(SIM_CONTROLLER, 0, WORLD_MARK_WRITE, 3, 33), WORLD_UNKNOWN, "mark.write fails");
    end = mark(SIM_CONTROLLER, 0, WORLD_MARK_READ, 0, 0);
    ok(end);
    ck_assert_int_eq(end->mark.epoch, 2);
}
END_TEST

/* ---- Who is to blame
 * ------------------------------------------------------------------------------ */

/* server01 serves until its guardian is due at 5 s, hangs at 1 s; server02 takes over then. */
static void take_over_while_it_hangs(int64_t at_ms)
{
    serve(0);
    ok(guard(0, WORLD_GUARD_ARM, 5000));
    sim_run(sim, 1000);
    strike(SIM_HANG, NODE(0));
    sim_run(sim, at_ms);
    serve(1);
    sim_run(sim, 20000);
    strike(SIM_RECOVER, NODE(0));
    sim_run(sim, 60000);
}

START_TEST(one_that_wakes_up_after_its_lease_is_not_blamed_until_its_guardian_is_through)
{
    take_over_while_it_hangs(10000);
    ck_assert(!sim_serves(sim, 0) && sim_serves(sim, 1));
    ck_assert_int_eq(sim->count.two_ms, 1500);
    ck_assert_int_eq(sim->count.two_woken_ms, 1500);
    ck_assert_int_eq(sim->count.two_blamed_ms, 0);
    ck_assert_int_eq(sim->count.two_first_ms, -1);
}
END_TEST

START_TEST(one_that_takes_over_before_the_lease_is_over_is_blamed_when_the_other_wakes_up)
{
    take_over_while_it_hangs(3000);
    ck_assert_int_eq(sim->count.two_woken_ms, 0);
    ck_assert_int_eq(sim->count.two_blamed_ms, 1500);
}
END_TEST

START_TEST(one_that_wakes_up_without_a_guardian_is_blamed)
{
    serve(0);
    ok(guard(0, WORLD_GUARD_ARM, 5000));
    strike(SIM_HANG, NODE(0));
    sim_run(sim, 10000);
    serve(1);
    sim_run(sim, 20000);
    strike(SIM_RECOVER, NODE(0));
    sim_run(sim, 20500);
    strike(SIM_KILL_GUARDIAN, NODE(0));
    sim_run(sim, 30000);
    ck_assert_int_eq(sim->count.two_woken_ms, 500);
    ck_assert_int_eq(sim->count.two_blamed_ms, 9500);
}
END_TEST

START_TEST(two_that_are_started_are_blamed)
{
    serve(0);
    serve(1);
    sim_run(sim, 1000);
    ck_assert_int_gt(sim->count.two_blamed_ms, 0);
    ck_assert_int_eq(sim->count.two_woken_ms, 0);
}
END_TEST

START_TEST(a_hand_is_excused_for_as_long_as_the_baton_there_is_away)
{
    serve(0);
    sim_kill(sim, NODE(1), false);
    inject((struct sim_fault){.kind = SIM_BRING_UP, .place = NODE(1), .what = "service"});
    inject((struct sim_fault){.kind = SIM_BRING_UP, .place = NODE(1), .what = "address"});
    sim_run(sim, 600000);
    come_to(act(0, 0, "service.stop"));
    serve(2); /* whoever holds the baton can't know of what runs on server02 */
    sim_run(sim, 700000);
    ck_assert_int_gt(sim->count.two_ms, 0);
    ck_assert_int_eq(sim->count.two_blamed_ms, 0);
}
END_TEST

/* ---- All of it
 * ------------------------------------------------------------------------------------- */

static const struct {
    struct sim_fault fault;
    const char *written, *said;
} texts[] = {
    {{.kind = SIM_HANG_BATON, .place = NODE(0)},
     "hang_baton \"server01\"",
     "the Baton of server01 hangs"},
    {{.kind = SIM_RECOVER_BATON, .place = NODE(0)},
     "recover_baton \"server01\"",
     "the Baton of server01 goes on"},
    {{.kind = SIM_KILL_GUARDIAN, .place = NODE(1)},
     "kill_guardian \"server02\"",
     "the guardian of server02 is killed"},
    {{.kind = SIM_LOSE_STORE, .place = SIM_NOWHERE},
     "lose_store()",
     "the lease store answers nobody"},
    {{.kind = SIM_RESTORE_STORE, .place = SIM_NOWHERE},
     "restore_store()",
     "the lease store is there again, and leases have their whole time anew"},
    {{.kind = SIM_RESTORE_STORE_LATE, .place = SIM_NOWHERE},
     "restore_store_late()",
     "the lease store is there again, and what ran out meanwhile is gone"},
    {{.kind = SIM_ROLL_BACK_STORE, .place = SIM_NOWHERE},
     "roll_back_store()",
     "the lease store is put back to what it was before the last grant"},
    {{.kind = SIM_FORGET_MARK, .place = NODE(2)},
     "forget_mark \"server03\"",
     "server03 forgets the mark of the last grant"},
    {{.kind = SIM_FILL_DISK, .place = NODE(1)},
     "fill_disk \"server02\"",
     "the journal's disk is full on server02"},
};

START_TEST(every_fault_is_written_and_said)
{
    char text[256];

    sim_fault_print(sim, &texts[_i].fault, text, sizeof text);
    ck_assert_str_eq(text, texts[_i].written);
    sim_fault_say(sim, &texts[_i].fault, text, sizeof text);
    ck_assert_str_eq(text, texts[_i].said);
    ck_assert_int_eq(COUNT(texts), SIM_FAULTS - SIM_HANG_BATON + 1);
}
END_TEST

START_TEST(what_is_for_peers_is_refused_with_one_controller)
{
    struct baton_error error;
    int i;

    tear_down();
    ck_assert_int_eq(sim_new(1, &sim, NULL), BATON_OK);
    sim_add_node(sim, names[0], "");
    for (i = SIM_HANG_BATON; i < SIM_FAULTS; i++) {
        struct sim_fault fault = {.kind = (enum sim_fault_kind)i, .place = NODE(0)};

        ck_assert_int_eq(sim_inject(sim, &fault, &error), BATON_INVALID);
    }
    ck_assert_str_eq(error.text, "forget_mark: there is one controller, and no Baton on each node");
}
END_TEST

START_TEST(clocks_of_peers_drift_no_more_than_leases_allow)
{
    struct baton_error error;
    struct sim_fault fault = {.kind = SIM_DRIFT_CLOCK, .place = NODE(0), .value = 501};

    ck_assert_int_eq(sim_inject(sim, &fault, &error), BATON_INVALID);
    ck_assert_str_eq(error.text, "drift_clock wants a number from -500 to 500 among peers");
}
END_TEST

static int trace_len;
static char trace[8192];

static void told(void *arg, const struct sim_told *it)
{
    (void)arg;
    if (it->kind == SIM_TOLD_STORE) {
        trace_len += snprintf(
            trace + trace_len, sizeof trace - (size_t)trace_len, "%lld the baton: %d\n",
            (long long)sim->now_ms, it->node);
    } else if (it->kind == SIM_TOLD_GUARD) {
        trace_len += snprintf(
            trace + trace_len, sizeof trace - (size_t)trace_len, "%lld the guardian of %d: %d\n",
            (long long)sim->now_ms, it->node, it->up);
    } else if (it->kind == SIM_TOLD_REQUEST) {
        trace_len += snprintf(
            trace + trace_len, sizeof trace - (size_t)trace_len, "%lld %s asks\n",
            (long long)sim->now_ms, sim_place_name(sim, it->place));
    }
}

START_TEST(who_writes_it_down_is_told)
{
    trace_len = 0;
    sim->told = told;
    renew(1);
    acquire(1, 1);
    guard(1, WORLD_GUARD_ARM, 100);
    word(0); /* waiting for news is no request here */
    sim_run(sim, 60000);
    ck_assert_str_eq(
        trace, "0 server02 asks\n5 server02 asks\n10 the baton: 1\n10 server02 asks\n"
               "100 the guardian of 1: 1\n1600 the guardian of 1: 0\n10005 the baton: -1\n");
}
END_TEST

/* A little of everything; `shift_ms` later the same. */
static uint64_t story_digest(int64_t shift_ms, bool other)
{
    uint64_t digest;

    set_up();
    sim_run(sim, shift_ms);
    ok(renew(0));
    ok(renew(1));
    ok(publish(1, other ? GROUP_YES : GROUP_NO));
    ok(acquire(0, 1));
    ok(guard(0, WORLD_GUARD_ARM, world_now_ms(sim_door(sim, NODE(0))) + 5000));
    ok(mark(NODE(0), 0, WORLD_MARK_WRITE, 1, 99));
    watch(1, word(1)->word.revision, 5000);
    peer_ask(0, 1);
    peer_listen(2);
    sim_run(sim, sim->now_ms + 100);
    digest = sim_digest(sim);
    tear_down();
    return digest;
}

START_TEST(worlds_that_differ_in_time_only_have_one_digest)
{
    uint64_t digest;

    tear_down();
    digest = story_digest(0, false);
    ck_assert(story_digest(12345, false) == digest);
    ck_assert(story_digest(0, true) != digest);
    set_up();
}
END_TEST

START_TEST(each_thing_that_decides_is_in_the_digest)
{
    static const enum sim_fault_kind kinds[] = {SIM_HANG_BATON,  SIM_KILL_GUARDIAN,
                                                SIM_LOSE_STORE,  SIM_ROLL_BACK_STORE,
                                                SIM_FORGET_MARK, SIM_FILL_DISK};
    uint64_t seen[COUNT(kinds) + 1];
    int i, j;

    for (i = 0; i <= COUNT(kinds); i++) {
        struct sim_peers setup = peers();

        remake(&setup);
        ok(renew(0));
        ok(acquire(0, 1));
        ok(guard(0, WORLD_GUARD_ARM, 60000));
        ok(mark(NODE(0), 0, WORLD_MARK_WRITE, 1, 99));
        if (i < COUNT(kinds)) {
            strike(kinds[i], NODE(0));
        }
        seen[i] = sim_digest(sim);
        for (j = 0; j < i; j++) {
            ck_assert_msg(seen[i] != seen[j], "%d and %d look alike", i, j);
        }
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("sim among peers");
    TCase *t = tcase_create("world");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, each_baton_acts_on_its_own_node_only);
    tcase_add_test(t, timers_go_by_the_clock_of_their_node);
    tcase_add_test(t, a_timer_that_runs_follows_a_clock_that_begins_to_drift);
    tcase_add_test(t, what_is_timed_by_does_not_jump);
    tcase_add_test(t, each_baton_hangs_for_itself_and_its_commands_run_on);
    tcase_add_test(t, a_node_that_hangs_holds_its_commands_too);
    tcase_add_test(t, one_is_killed_and_the_others_are_answered);
    tcase_add_test(t, each_baton_has_a_journal_of_its_own);
    tcase_add_test(t, the_baton_is_taken_passed_and_released);
    tcase_add_test(t, who_has_no_lease_can_ask_for_nothing);
    tcase_add_test(t, a_lease_runs_out_by_true_time_from_when_the_store_heard_of_it);
    tcase_add_test(t, a_new_daemon_takes_up_the_lease_of_the_baton);
    tcase_add_test(t, who_watches_hears_of_what_is_newer_and_of_nothing_else);
    tcase_add_test(t, who_watches_hears_of_a_lease_that_ran_out);
    tcase_add_test(t, who_watches_over_a_cut_link_hears_when_it_is_mended);
    tcase_add_test(t, what_was_asked_is_done_though_nobody_hears_of_it);
    tcase_add_test(t, what_comes_late_to_the_store_is_done_all_the_same);
    tcase_add_test(t, an_answer_of_the_store_can_be_postponed);
    tcase_add_test(t, a_lease_that_was_lost_is_told_though_the_first_answer_was_not_heard);
    tcase_add_test(t, a_pause_a_wish_and_its_answer_are_for_all);
    tcase_add_test(t, while_the_store_is_lost_no_lease_runs_out);
    tcase_add_test(t, or_what_ran_out_meanwhile_is_gone_at_once);
    tcase_add_test(t, a_store_that_is_rolled_back_has_forgotten_the_last_grant);
    tcase_add_test(t, a_guardian_stops_what_moves_whatever_refuses);
    tcase_add_test(t, a_guardian_that_hears_in_time_does_nothing);
    tcase_add_test(t, a_guardian_goes_by_the_clock_of_its_node);
    tcase_add_test(
        t, a_start_that_is_still_under_way_comes_to_nothing_when_the_guardian_is_through);
    tcase_add_test(t, a_guardian_hangs_with_its_node_and_is_gone_with_it);
    tcase_add_test(t, a_guardian_that_is_killed_comes_back_and_knows_nothing);
    tcase_add_test(t, where_there_is_no_guardian_none_can_be_armed);
    tcase_add_test(t, a_watchdog_switches_off_a_node_that_hangs);
    tcase_add_test(t, a_watchdog_is_fed_no_longer_than_so_that_the_machine_is_gone_in_time);
    tcase_add_test(t, a_guardian_that_is_killed_does_not_feed_its_watchdog);
    tcase_add_test(t, a_question_comes_to_who_listens_and_its_answer_back);
    tcase_add_test(t, questions_wait_for_a_listener_in_their_order);
    tcase_add_test(t, who_can_not_be_asked_says_nothing);
    tcase_add_test(t, a_baton_that_hangs_hears_of_it_when_it_goes_on);
    tcase_add_test(t, a_question_to_a_daemon_that_is_killed_is_not_for_the_next_one);
    tcase_add_test(t, a_node_keeps_the_mark_of_the_newest_grant);
    tcase_add_test(t, one_controller_marks_over_the_link_to_the_node);
    tcase_add_test(
        t, one_that_wakes_up_after_its_lease_is_not_blamed_until_its_guardian_is_through);
    tcase_add_test(
        t, one_that_takes_over_before_the_lease_is_over_is_blamed_when_the_other_wakes_up);
    tcase_add_test(t, one_that_wakes_up_without_a_guardian_is_blamed);
    tcase_add_test(t, two_that_are_started_are_blamed);
    tcase_add_test(t, a_hand_is_excused_for_as_long_as_the_baton_there_is_away);
    tcase_add_loop_test(t, every_fault_is_written_and_said, 0, COUNT(texts));
    tcase_add_test(t, what_is_for_peers_is_refused_with_one_controller);
    tcase_add_test(t, clocks_of_peers_drift_no_more_than_leases_allow);
    tcase_add_test(t, who_writes_it_down_is_told);
    tcase_add_test(t, worlds_that_differ_in_time_only_have_one_digest);
    tcase_add_test(t, each_thing_that_decides_is_in_the_digest);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    SRunner *runner = srunner_create(suite());
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
