/* Memory in one region: what comes out of it, and that a copy brings everything back. */
#include "base/memory.h"

#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REGION ((size_t)1 << 20)

static void *region;

static void set_up(void)
{
    region = aligned_alloc(16, REGION);
    ck_assert_ptr_nonnull(region);
    memory_use(region, REGION);
}

static void tear_down(void)
{
    memory_use(NULL, 0);
    free(region);
}

static int inside(const void *block)
{
    return (const char *)block > (const char *)region &&
           (const char *)block < (const char *)region + REGION;
}

START_TEST(blocks_of_all_sizes_keep_what_is_written_in_them)
{
    unsigned char *block[200];

    for (size_t i = 0; i < 200; i++) {
        block[i] = memory_zeroed(1, i * 17);
        ck_assert(inside(block[i]));
        ck_assert_uint_eq((uintptr_t)block[i] % 16, 0);
        memset(block[i], (int)i, i * 17);
    }
    for (size_t i = 0; i < 200; i++) {
        for (size_t k = 0; k < i * 17; k++) {
            ck_assert_uint_eq(block[i][k], i);
        }
    }
}
END_TEST

START_TEST(a_freed_block_is_used_again_and_is_zero)
{
    char *first = memory_zeroed(3, 100), *second;
    size_t used = memory_used(region);

    memset(first, 'x', 300);
    memory_free(first);
    second = memory_zeroed(1, 296);
    ck_assert_ptr_eq(first, second);
    ck_assert_int_eq(second[295], 0);
    ck_assert_uint_eq(memory_used(region), used);
}
END_TEST

START_TEST(a_block_that_grows_keeps_its_start)
{
    char *block = NULL;

    for (size_t size = 1; size < 100000; size = size * 3 / 2 + 1) {
        block = memory_resize(block, size);
        ck_assert(inside(block));
        block[size - 1] = 'z';
        block[0] = 'a';
    }
    ck_assert_int_eq(block[0], 'a');
}
END_TEST

START_TEST(a_full_region_says_so_and_still_serves_what_fits)
{
    ck_assert_ptr_null(memory_zeroed(1, REGION));
    ck_assert_ptr_null(memory_zeroed(SIZE_MAX / 2, 4));
    ck_assert_ptr_nonnull(memory_zeroed(1, 64));
}
END_TEST

START_TEST(a_copy_of_the_used_bytes_takes_everything_back)
{
    char *word = memory_zeroed(1, 32);
    size_t used;
    void *copy;

    strcpy(word, "before");
    used = memory_used(region);
    copy = malloc(used);
    memcpy(copy, region, used);
    strcpy(word, "after");
    ck_assert_ptr_nonnull(memory_zeroed(1, 5000));
    memcpy(region, copy, used);
    free(copy);
    ck_assert_str_eq(word, "before");
    ck_assert_uint_eq(memory_used(region), used);
}
END_TEST

START_TEST(a_block_goes_back_to_where_it_came_from)
{
    char *ours = memory_zeroed(1, 10), *theirs;

    memory_use(NULL, 0);
    theirs = memory_zeroed(1, 10);
    ck_assert(!inside(theirs));
    memory_free(ours);
    memory_use(region, 0);
    memory_free(theirs);
    ck_assert_ptr_eq(memory_zeroed(1, 10), ours);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("memory");
    TCase *t = tcase_create("memory");
    SRunner *runner = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, blocks_of_all_sizes_keep_what_is_written_in_them);
    tcase_add_test(t, a_freed_block_is_used_again_and_is_zero);
    tcase_add_test(t, a_block_that_grows_keeps_its_start);
    tcase_add_test(t, a_full_region_says_so_and_still_serves_what_fits);
    tcase_add_test(t, a_copy_of_the_used_bytes_takes_everything_back);
    tcase_add_test(t, a_block_goes_back_to_where_it_came_from);
    suite_add_tcase(s, t);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
