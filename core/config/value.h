/* Values of attributes: durations, sizes, numbers, names, addresses. Each returns false
 * where the text is no such value, and says in `wants` what one looks like. */
#ifndef BATON_CONFIG_VALUE_H
#define BATON_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

bool value_duration(const char *text, int64_t *ms, const char **wants);
bool value_size(const char *text, int64_t *bytes, const char **wants);
bool value_number(const char *text, int64_t min, int64_t max, int64_t *number);

bool value_name(const char *text, const char **wants); /* of groups, nodes, secrets */
bool value_word(const char *text, const char **wants); /* of a policy's setting */
bool value_user(const char *text, const char **wants); /* of ssh and hooks */
bool value_host(const char *text, const char **wants); /* name or address; never an option */
bool value_interface(const char *text, const char **wants);
bool value_address(const char *text, const char **wants);  /* IPv4 or IPv6 */
bool value_prefixed(const char *text, const char **wants); /* … with its prefix length */
bool value_endpoint(const char *text, const char **wants); /* http(s)://HOST:PORT */
bool value_prefix(const char *text, const char **wants);   /* of keys in a store */
bool value_command(const char *text, const char **wants);  /* words, with no shell in mind */

/* Does an endpoint lead to this machine itself? */
bool value_is_loopback(const char *endpoint);

/* Are two texts, with or without prefix length, the same address? */
bool value_same_address(const char *a, const char *b);

#endif
