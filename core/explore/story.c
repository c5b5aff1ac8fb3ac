/* What happens in one run: deeds, each with its moment. */
#include "parts.h"

#include <assert.h>
#include <string.h>

bool story_add(struct story *story, int64_t at_ms, const struct scenario_deed *deed, bool repair)
{
    int i = story->n;

    if (story->n == STORY_DEEDS_MAX) {
        return false;
    }
    for (; i > 0 && story->step[i - 1].at_ms > at_ms; i--) {
        story->step[i] = story->step[i - 1];
    }
    story->step[i].at_ms = at_ms;
    story->step[i].repair = repair;
    story->step[i].deed = *deed;
    story->n++;
    return true;
}

void story_remove(struct story *story, int index)
{
    assert(index >= 0 && index < story->n);
    story->n--;
    memmove(
        &story->step[index], &story->step[index + 1],
        (size_t)(story->n - index) * sizeof story->step[0]);
}

/* ---- Random ones ------------------------------------------------------------------------- */

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators). */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double draw_unit(uint64_t *state)
{
    return (double)(draw(state) >> 11) / 9007199254740992.0;
}

void story_random(const struct menu *menu, uint64_t seed, struct story *story)
{
    uint64_t state = seed;
    int n = 1 + (int)(draw(&state) % 6), i, kind = (int)(draw(&state) % 8);

    memset(story, 0, sizeof *story);
    story->repaired_ms = -1;
    story->start = kind < STORY_STARTS && kind > 0 ? (enum story_start)kind : STORY_ONE;
    for (i = 0; i < n; i++) {
        struct scenario_deed deed, lift;
        int64_t at_ms = (int64_t)(draw_unit(&state) * 60000);
        int64_t lasts_ms = (int64_t)(draw_unit(&state) * draw_unit(&state) * 60000);

        deed = menu->item[draw(&state) % (uint64_t)menu->n].deed;
        menu_vary(&deed, draw_unit(&state));
        story_add(story, at_ms, &deed, false);
        /* Half of them end before the rest does. */
        if (draw(&state) % 2 == 0 && menu_lift(&deed, &lift)) {
            story_add(story, at_ms + lasts_ms, &lift, true);
        }
    }
}
