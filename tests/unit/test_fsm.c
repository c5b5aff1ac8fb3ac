/* The machine's table: what it allows, what it refuses, what it prints. */
#include "fsm/fsm.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FACTS_ALL (1u << FSM_FACTS)

START_TEST(one_row_at_most_for_each_state_event_and_facts)
{
    const struct fsm_row *rows;
    size_t count, i;
    int state, event;
    unsigned facts;

    rows = fsm_rows(&count);
    for (state = 0; state < FSM_STATES; state++) {
        for (event = 0; event < FSM_EVENTS; event++) {
            for (facts = 0; facts < FACTS_ALL; facts++) {
                int matches = 0;

                for (i = 0; i < count; i++) {
                    matches += (rows[i].from & FSM_BIT(state)) != 0 && (int)rows[i].on == event &&
                               (facts & rows[i].needs) == rows[i].needs &&
                               (facts & rows[i].bars) == 0;
                }
                ck_assert_msg(
                    matches <= 1, "%d rows for %s on %s under facts %#x", matches,
                    fsm_state_name(state), fsm_event_name(event), facts);
            }
        }
    }
}
END_TEST

START_TEST(rows_are_numbered_in_rising_order_and_say_why)
{
    const struct fsm_row *rows;
    size_t count, i;

    rows = fsm_rows(&count);
    for (i = 0; i < count; i++) {
        ck_assert(i == 0 || rows[i].id > rows[i - 1].id);
        ck_assert(strlen(rows[i].why) > 10);
        ck_assert_msg((rows[i].needs & rows[i].bars) == 0, "row %d can never be taken", rows[i].id);
    }
}
END_TEST

START_TEST(every_state_is_reached_from_unknown)
{
    const struct fsm_row *rows;
    unsigned reached = FSM_BIT(FSM_UNKNOWN), before = 0;
    size_t count, i;

    rows = fsm_rows(&count);
    while (reached != before) {
        before = reached;
        for (i = 0; i < count; i++) {
            reached |= (rows[i].from & reached) != 0 ? FSM_BIT(rows[i].to) : 0;
        }
    }
    ck_assert_uint_eq(reached, (1u << FSM_STATES) - 1);
}
END_TEST

START_TEST(no_way_to_serve_without_the_baton)
{
    const struct fsm_row *rows;
    size_t count, i;

    rows = fsm_rows(&count);
    for (i = 0; i < count; i++) {
        ck_assert_msg(
            rows[i].to != FSM_ACTIVE || (rows[i].needs & FSM_HOLDS) != 0,
            "row %d makes a node Active without the baton", rows[i].id);
        ck_assert_msg(
            rows[i].to != FSM_STANDBY || (rows[i].needs & FSM_HOLDS) == 0,
            "row %d makes a holder Standby", rows[i].id);
    }
}
END_TEST

/* The edges of the machine, one line a row, as the manual prints them. Whoever changes
 * the table changes this list on purpose. */
static const char golden[] = "10 Unknown fit Standby\n"
                             "12 Unknown unfit Degraded\n"
                             "14 Unknown adopted Active\n"
                             "16 Unknown adopted Degraded\n"
                             "18 Unknown resumed FailingOver\n"
                             "20 Unknown resumed FailingBack\n"
                             "22 Unknown promote FailingOver\n"
                             "30 Standby unfit Degraded\n"
                             "32 Standby promote FailingOver\n"
                             "34 Standby reclaim FailingBack\n"
                             "40 Active unfit Degraded\n"
                             "42 Active released Standby\n"
                             "44 Active lost Degraded\n"
                             "50 Degraded fit Standby\n"
                             "52 Degraded recovered Active\n"
                             "54 Degraded released Degraded\n"
                             "56 Degraded lost Degraded\n"
                             "58 Degraded promote FailingOver\n"
                             "60 FailingOver completed Active\n"
                             "60 FailingBack completed Active\n"
                             "62 FailingOver cancelled Standby\n"
                             "62 FailingBack cancelled Standby\n"
                             "64 FailingOver failed Degraded\n"
                             "64 FailingBack failed Degraded\n"
                             "66 FailingOver failed Degraded\n"
                             "66 FailingBack failed Degraded\n"
                             "68 FailingOver lost Degraded\n"
                             "68 FailingBack lost Degraded\n"
                             "70 Standby forgotten Unknown\n"
                             "70 Active forgotten Unknown\n"
                             "70 Degraded forgotten Unknown\n";

START_TEST(the_table_is_the_one_that_was_agreed)
{
    char text[8192] = "";
    const struct fsm_row *rows;
    size_t count, i, used = 0;
    int state;

    rows = fsm_rows(&count);
    for (i = 0; i < count; i++) {
        for (state = 0; state < FSM_STATES; state++) {
            if ((rows[i].from & FSM_BIT(state)) != 0) {
                used += (size_t)snprintf(
                    text + used, sizeof text - used, "%d %s %s %s\n", rows[i].id,
                    fsm_state_name(state), fsm_event_name(rows[i].on), fsm_state_name(rows[i].to));
            }
        }
    }
    ck_assert_str_eq(text, golden);
}
END_TEST

/* For every row: it is taken under exactly its facts, and no longer when one needed fact
 * is missing or one barred fact is there. */
START_TEST(each_precondition_of_each_row_counts)
{
    const struct fsm_row *rows, *taken;
    size_t count, i;
    unsigned bit;

    rows = fsm_rows(&count);
    for (i = 0; i < count; i++) {
        enum fsm_state from = FSM_UNKNOWN;

        while ((rows[i].from & FSM_BIT(from)) == 0) {
            from++;
        }
        ck_assert_int_eq(fsm_step(from, rows[i].on, rows[i].needs, &taken, NULL), BATON_OK);
        ck_assert_int_eq(taken->id, rows[i].id);
        for (bit = 1; bit < FACTS_ALL; bit <<= 1) {
            if ((rows[i].needs & bit) != 0) {
                enum baton_err err = fsm_step(from, rows[i].on, rows[i].needs & ~bit, &taken, NULL);

                ck_assert(err == BATON_REFUSED || taken->id != rows[i].id);
            }
            if ((rows[i].bars & bit) != 0) {
                enum baton_err err = fsm_step(from, rows[i].on, rows[i].needs | bit, &taken, NULL);

                ck_assert(err == BATON_REFUSED || taken->id != rows[i].id);
            }
        }
    }
}
END_TEST

START_TEST(a_refusal_names_states_and_what_is_missing)
{
    const struct fsm_row *taken;
    struct baton_error error;

    ck_assert_int_eq(fsm_step(FSM_STANDBY, FSM_PROMOTE, FSM_IDLE, &taken, &error), BATON_REFUSED);
    ck_assert_str_eq(
        error.text,
        "Standby → FailingOver on \"promote\" needs that the holder is gone or given up");
    ck_assert_int_eq(fsm_step(FSM_STANDBY, FSM_COMPLETED, 0, &taken, &error), BATON_REFUSED);
    ck_assert_str_eq(error.text, "Standby has no edge for \"completed\"");
}
END_TEST

START_TEST(a_policy_asks_for_two_edges_only)
{
    enum fsm_event event;
    struct baton_error error;
    int from, to;

    for (from = 0; from < FSM_STATES; from++) {
        for (to = 0; to < FSM_STATES; to++) {
            enum baton_err err = fsm_policy_event(from, to, &event, &error);
            int allowed = from == FSM_STANDBY && (to == FSM_FAILING_OVER || to == FSM_FAILING_BACK);

            ck_assert_int_eq(err, allowed ? BATON_OK : BATON_REFUSED);
        }
    }
    fsm_policy_event(FSM_ACTIVE, FSM_FAILING_BACK, &event, &error);
    ck_assert_str_eq(
        error.text, "Active → FailingBack is no edge of the machine; a policy can ask for "
                    "Standby → FailingOver and Standby → FailingBack");
}
END_TEST

START_TEST(names_go_there_and_back)
{
    enum fsm_state state;
    struct baton_error error;
    int i;

    for (i = FSM_STANDBY; i < FSM_STATES; i++) {
        ck_assert_int_eq(fsm_state_parse(fsm_state_name(i), &state, &error), BATON_OK);
        ck_assert_int_eq(state, i);
    }
    ck_assert_int_eq(fsm_state_parse("standby", &state, &error), BATON_NOT_FOUND);
    ck_assert(strstr(error.text, "Standby, Active, Degraded") != NULL);
}
END_TEST

START_TEST(text_and_graph_name_every_row)
{
    char text[16384], dot[16384];
    const struct fsm_row *rows;
    size_t count, i;

    ck_assert_uint_lt(fsm_print_text(text, sizeof text), sizeof text);
    ck_assert_uint_lt(fsm_print_dot(dot, sizeof dot), sizeof dot);
    rows = fsm_rows(&count);
    for (i = 0; i < count; i++) {
        ck_assert_msg(strstr(text, rows[i].why) != NULL, "row %d is not in the text", rows[i].id);
        ck_assert_msg(strstr(dot, rows[i].why) != NULL, "row %d is not in the graph", rows[i].id);
    }
    ck_assert_uint_eq(fsm_print_text(NULL, 0), strlen(text));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fsm");
    TCase *tc = tcase_create("table");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_test(tc, one_row_at_most_for_each_state_event_and_facts);
    tcase_add_test(tc, rows_are_numbered_in_rising_order_and_say_why);
    tcase_add_test(tc, every_state_is_reached_from_unknown);
    tcase_add_test(tc, no_way_to_serve_without_the_baton);
    tcase_add_test(tc, the_table_is_the_one_that_was_agreed);
    tcase_add_test(tc, each_precondition_of_each_row_counts);
    tcase_add_test(tc, a_refusal_names_states_and_what_is_missing);
    tcase_add_test(tc, a_policy_asks_for_two_edges_only);
    tcase_add_test(tc, names_go_there_and_back);
    tcase_add_test(tc, text_and_graph_name_every_row);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
