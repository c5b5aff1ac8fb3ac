/* The checks as JSON. The names are described in client.h. */
#include "control/client.h"

static json_t *time_of(struct world *world, int64_t then_ms)
{
    return control_json_time(world->ops->wall_ms(world) - (world_now_ms(world) - then_ms));
}

static json_t *item_json(
    const struct readiness_item *item, const struct group *group, struct world *world)
{
    json_t *object = json_object();

    json_object_set_new(object, "name", control_json_text(item->name));
    json_object_set_new(object, "title", control_json_text(item->title));
    json_object_set_new(
        object, "node",
        item->node == GROUP_NOBODY ? json_null()
                                   : control_json_text(group_node_name(group, item->node)));
    json_object_set_new(object, "outcome", json_string(group_outcome_name(item->outcome)));
    json_object_set_new(
        object, "detail", control_json_text(item->asked ? item->detail : "not asked yet"));
    json_object_set_new(
        object, "advice", item->advice[0] != '\0' ? control_json_text(item->advice) : json_null());
    json_object_set_new(
        object, "since", item->asked ? time_of(world, item->since_ms) : json_null());
    if (item->asked) {
        json_object_set_new(
            object, "for_ms", json_integer((json_int_t)(world_now_ms(world) - item->since_ms)));
    }
    return object;
}

json_t *control_json_readiness(
    const struct readiness *readiness, const struct group *group, struct world *world)
{
    struct readiness_sum sum = readiness_sum(readiness);
    json_t *object = json_object(), *checks = json_array();
    int64_t at_ms = 0;
    int i;

    for (i = 0; i < sum.count; i++) {
        const struct readiness_item *item = readiness_item(readiness, i);

        at_ms = item->asked && item->at_ms > at_ms ? item->at_ms : at_ms;
        json_array_append_new(checks, item_json(item, group, world));
    }
    json_object_set_new(object, "ok", json_boolean(sum.ok == sum.count));
    json_object_set_new(object, "at", sum.asked > 0 ? time_of(world, at_ms) : json_null());
    json_object_set_new(object, "checks", checks);
    return object;
}
