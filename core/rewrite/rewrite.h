/* Path prefixes in the files of a service, rewritten; everything else stays byte for byte.
 *
 * A file comes in pieces of any size and goes out in pieces, in flat memory. In XML the prefixes
 * are looked for in text, CDATA and attribute values, in JSON in strings; never in comments, names,
 * processing instructions. A prefix matches without regard to case, with either slash, and only as
 * whole path components: "E:\Mail" is in "e:/mail/Domains", not in "E:\Mail2" nor "E:\Mail 2". What
 * comes after it keeps its slashes, unless `to` has one kind only: then the rest of that path has
 * it too. Character references, entities of XML and escapes of JSON are understood in what is
 * compared and written where what is put in needs them. Where `to` is below `from`, what begins
 * with `to` stays, and all does where both are one path: done twice is done once.
 *
 * Encodings: UTF-8 with and without a BOM, UTF-16 with one, US-ASCII, and the single-byte ones of
 * Windows, ISO 8859 and DOS that an XML declaration names. Encoding, BOM, line ends and comments
 * stay.
 *
 * Refused, with the line: a DOCTYPE (so no entities of its own, none from outside), what is not
 * well-formed, what ends in the middle, bytes that the encoding does not have, a `to` that can't be
 * written in it, other encodings. Pure: nothing is read or written here.
 */
#ifndef BATON_REWRITE_REWRITE_H
#define BATON_REWRITE_REWRITE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rewrite;

enum rewrite_format {
    REWRITE_AUTO = 0, /* by the first character that is no blank: '<' or another */
    REWRITE_XML,
    REWRITE_JSON
};

struct rewrite_rule { /* UTF-8; the longest `from` that matches wins */
    const char *from, *to;
};

struct rewrite_count {
    int64_t replaced, bytes_in, bytes_out;
    char sha256_in[65], sha256_out[65];
};

/* False ends the rewriting: then rewrite_feed and rewrite_end return BATON_IO. */
typedef bool rewrite_sink_fn(void *arg, const char *bytes, size_t len);

/* Rules are copied. BATON_INVALID: a rule that is empty or no UTF-8. */
enum baton_err rewrite_new(
    const struct rewrite_rule *rules, int n_rules, enum rewrite_format format,
    rewrite_sink_fn *sink, void *arg, struct rewrite **out, struct baton_error *error);
/* After an error no more may be fed. The error says the line, not the file. */
enum baton_err rewrite_feed(
    struct rewrite *rewrite, const char *bytes, size_t len, struct baton_error *error);
enum baton_err rewrite_end(
    struct rewrite *rewrite, struct rewrite_count *count, struct baton_error *error);
void rewrite_free(struct rewrite *rewrite);

/* ---- failoverConfig.xml ------------------------------------------------------------------ */

struct failover_settings { /* NULL: not there, or not to be changed */
    char *shared_system_files_path, *failover_ip_address;
    int is_enabled; /* 1: True, 0: False, -1: as NULL above */
};

/* Found by local name at any depth; one that is there twice is refused. Strings are malloc'd. */
enum baton_err failover_config_read(
    const char *text, size_t len, struct failover_settings *out, struct baton_error *error);
void failover_config_fini(struct failover_settings *settings);

/* The text with these settings, malloc'd; all else byte for byte. One that is missing is added at
 * the end of the root element; an empty text becomes a whole file. */
enum baton_err failover_config_edit(
    const char *text, size_t len, const struct failover_settings *settings, char **out,
    size_t *out_len, struct baton_error *error);

#endif
