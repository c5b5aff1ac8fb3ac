/* Stories of groups that share a leased baton, one for each node: what happens, told in the words
 * of their traces. "1: …" is said by the Baton of server01. */
#include "peer_story.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct peer_story s;

START_TEST(the_best_node_takes_the_free_baton_and_starts)
{
    peer_story_begin(&s, 2);
    s.steps_in_trace = true;
    peer_story_boot(&s, 0);
    peer_story_boot(&s, 1);
    peer_story_pass(&s, 6000);
    peer_story_expect(&s, "");
    peer_story_end(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("group, among peers");
    SRunner *runner = srunner_create(suite);
    TCase *tc = tcase_create("stories");
    int failed;

    tcase_add_test(tc, the_best_node_takes_the_free_baton_and_starts);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
