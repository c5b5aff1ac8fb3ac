/* failoverConfig.xml: three settings, found by local name at any depth. The file is gone through by
 * the rewriter, with no rules, which knows what is well-formed; it tells where elements are. */
#include "parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTINGS       3
#define NAME_MAX_BYTES 256

static const char *const names[SETTINGS] = {
    "SharedSystemFilesPath", "FailoverIPAddress", "IsEnabled"};

struct place {         /* of a setting in the file */
    bool there, plain; /* plain: nothing but text in it */
    int line;
    int64_t content, slash, end; /* slash: of an empty element, else -1 */
    char name[NAME_MAX_BYTES];   /* with its prefix */
};

struct scan {
    struct rewrite *rewrite;
    const char *text;
    size_t len;
    struct place place[SETTINGS];
    int depth;
    int inside[DEPTH_MAX + 1]; /* which setting is open at that depth, or -1 */
    char root[NAME_MAX_BYTES];
    int64_t root_slash, root_end, root_content;
    int again; /* the setting that is there twice; -1: none is */
    int again_line;
};

/* ---- Where they are ---------------------------------------------------------------------- */

static int line_of(const struct scan *scan, int64_t at)
{
    return 1 + (int)charset_lines(&scan->rewrite->charset, (const uint8_t *)scan->text, (size_t)at);
}

static int setting_of(const char *name)
{
    const char *colon = strchr(name, ':');
    int i;

    for (i = 0; i < SETTINGS; i++) {
        if (strcmp(names[i], colon != NULL ? colon + 1 : name) == 0) {
            return i;
        }
    }
    return -1;
}

static void on_open(void *arg, const char *name, int64_t content, int64_t slash)
{
    struct scan *scan = arg;
    int which = setting_of(name), around = scan->depth > 0 ? scan->inside[scan->depth] : -1;

    if (around >= 0) {
        scan->place[around].plain = false;
    }
    if (scan->depth == 0) {
        snprintf(scan->root, sizeof scan->root, "%s", name);
        scan->root_slash = slash;
        scan->root_content = content;
    }
    scan->inside[++scan->depth] = which;
    if (which < 0) {
        return;
    }
    if (scan->place[which].there) {
        scan->again = which;
        scan->again_line = line_of(scan, content);
        return;
    }
    scan->place[which] = (struct place){
        .there = true,
        .plain = true,
        .line = line_of(scan, content),
        .content = content,
        .slash = slash};
    snprintf(scan->place[which].name, sizeof scan->place[which].name, "%s", name);
}

static void on_close(void *arg, int64_t at)
{
    struct scan *scan = arg;
    int which = scan->inside[scan->depth--];

    if (which >= 0) {
        scan->place[which].end = at;
    }
    if (scan->depth == 0) {
        scan->root_end = at;
    }
}

static void on_other(void *arg)
{
    struct scan *scan = arg;
    int around = scan->depth > 0 ? scan->inside[scan->depth] : -1;

    if (around >= 0) {
        scan->place[around].plain = false;
    }
}

static bool nowhere(void *arg, const char *bytes, size_t len)
{
    (void)arg;
    (void)bytes;
    (void)len;
    return true;
}

/* scan->rewrite is the caller's to free, also where it fails. */
static enum baton_err find(struct scan *scan, struct baton_error *error)
{
    struct xml_watch watch = {on_open, on_close, on_other, scan};
    struct rewrite_count count;
    enum baton_err err = rewrite_new(NULL, 0, REWRITE_XML, nowhere, NULL, &scan->rewrite, error);
    int i;

    scan->again = -1;
    if (err == BATON_OK) {
        scan->rewrite->xml.watch = &watch;
        err = rewrite_feed(scan->rewrite, scan->text, scan->len, error);
    }
    if (err == BATON_OK) {
        err = rewrite_end(scan->rewrite, &count, error);
    }
    if (err == BATON_OK && scan->again >= 0) {
        err = baton_fail(
            error, BATON_INVALID, "line %d: <%s> is there twice, also in line %d", scan->again_line,
            names[scan->again], scan->place[scan->again].line);
    }
    for (i = 0; err == BATON_OK && i < SETTINGS; i++) {
        if (scan->place[i].there && !scan->place[i].plain) {
            err = baton_fail(
                error, BATON_INVALID, "line %d: <%s> holds more than text", scan->place[i].line,
                names[i]);
        }
    }
    return err;
}

/* ---- What they say ----------------------------------------------------------------------- */

/* A reference that is known to be good: its character. */
static uint32_t meant(const char *name)
{
    static const struct {
        const char *name;
        uint32_t c;
    } five[] = {{"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"quot;", '"'}, {"apos;", '\''}};
    size_t i;

    for (i = 0; i < sizeof five / sizeof five[0]; i++) {
        if (strncmp(name, five[i].name, strlen(five[i].name)) == 0) {
            return five[i].c;
        }
    }
    return (uint32_t)strtoul(name + (name[1] == 'x' ? 2 : 1), NULL, name[1] == 'x' ? 16 : 10);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The content as UTF-8 without references and without the blanks around it. NULL: no memory. */
static char *content_of(const struct scan *scan, const struct place *place)
{
    static const struct charset utf8 = {.kind = CHARSET_UTF8};
    size_t len = place->slash >= 0 ? 0 : (size_t)(place->end - place->content), at = 0, n = 0, i;
    const uint8_t *from = (const uint8_t *)scan->text + place->content;
    char *plain = malloc(2 * len + 5), *out = plain;
    uint32_t c;
    int used;

    if (plain == NULL) {
        return NULL;
    }
    while (at < len &&
           (used = charset_decode(&scan->rewrite->charset, from + at, len - at, &c)) > 0) {
        at += (size_t)used;
        n += (size_t)charset_encode(&utf8, c, (uint8_t *)plain + n);
    }
    plain[n] = '\0';
    for (i = 0, at = 0; i < n; at++) {
        if (plain[i] == '&') {
            c = meant(plain + i + 1);
            i += strcspn(plain + i, ";") + 1;
            at += (size_t)charset_encode(&utf8, c, (uint8_t *)out + at) - 1;
        } else {
            out[at] = plain[i++];
        }
    }
    while (at > 0 && is_blank(out[at - 1])) {
        at--;
    }
    out[at] = '\0';
    i = strspn(out, " \t\r\n");
    memmove(out, out + i, at - i + 1);
    return out;
}

static int truth(const char *text)
{
    return strcasecmp(text, "true") == 0 ? 1 : strcasecmp(text, "false") == 0 ? 0 : -1;
}

static enum baton_err read_settings(
    const struct scan *scan, struct failover_settings *out, struct baton_error *error)
{
    char *value[SETTINGS] = {NULL};
    enum baton_err err = BATON_OK;
    int i;

    for (i = 0; i < SETTINGS; i++) {
        value[i] = scan->place[i].there ? content_of(scan, &scan->place[i]) : NULL;
        if (scan->place[i].there && value[i] == NULL) {
            err = baton_fail(error, BATON_NOMEM, "no memory for the settings");
        }
    }
    out->shared_system_files_path = value[0];
    out->failover_ip_address = value[1];
    out->is_enabled = value[2] != NULL ? truth(value[2]) : -1;
    if (err == BATON_OK && value[2] != NULL && value[2][0] != '\0' && out->is_enabled < 0) {
        err = baton_fail(
            error, BATON_INVALID, "line %d: <IsEnabled> is \"%.40s\", and neither True nor False",
            scan->place[2].line, value[2]);
    }
    free(value[2]);
    return err;
}

enum baton_err failover_config_read(
    const char *text, size_t len, struct failover_settings *out, struct baton_error *error)
{
    struct scan *scan = calloc(1, sizeof *scan);
    enum baton_err err;

    *out = (struct failover_settings){.is_enabled = -1};
    if (scan == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for the settings");
    }
    scan->text = text;
    scan->len = len;
    err = find(scan, error);
    if (err == BATON_OK) {
        err = read_settings(scan, out, error);
    }
    if (err != BATON_OK) {
        failover_config_fini(out);
    }
    rewrite_free(scan->rewrite);
    free(scan);
    return err;
}

void failover_config_fini(struct failover_settings *settings)
{
    free(settings->shared_system_files_path);
    free(settings->failover_ip_address);
    *settings = (struct failover_settings){.is_enabled = -1};
}

/* ---- What they are to say ---------------------------------------------------------------- */

struct growing {
    char *bytes;
    size_t len, size;
};

static bool grow(void *arg, const char *bytes, size_t len)
{
    struct growing *all = arg;
    char *longer;

    if (all->len + len + 1 > all->size) {
        all->size = 2 * (all->len + len + 1);
        longer = realloc(all->bytes, all->size);
        if (longer == NULL) {
            return false;
        }
        all->bytes = longer;
    }
    memcpy(all->bytes + all->len, bytes, len);
    all->len += len;
    return true;
}

/* Text of ASCII, or a value, in the file's encoding. */
static bool put(struct scan *scan, struct growing *all, const char *text, bool value)
{
    uint8_t bytes[4];

    while (*text != '\0') {
        uint32_t c = rewrite_utf8(&text);
        const char *word = !value ? NULL : c == '&' ? "&amp;" : c == '<' ? "&lt;" : NULL;
        int len = word == NULL ? charset_encode(&scan->rewrite->charset, c, bytes) : 0;

        if (word != NULL ? !put(scan, all, word, false)
                         : len == 0 || !grow(all, (const char *)bytes, (size_t)len)) {
            return false;
        }
    }
    return true;
}

static bool copy(struct scan *scan, struct growing *all, int64_t *from, int64_t to)
{
    bool ok = grow(all, scan->text + *from, (size_t)(to - *from));

    *from = to;
    return ok;
}

static bool is_same(const struct scan *scan, int which, const char *wanted)
{
    char *now = content_of(scan, &scan->place[which]);
    bool same =
        now != NULL && (which == 2 ? truth(now) == truth(wanted) : strcmp(now, wanted) == 0);

    free(now);
    return same;
}

static bool replace(
    struct scan *scan, struct growing *all, int64_t *from, int which, const char *to)
{
    const struct place *place = &scan->place[which];

    if (is_same(scan, which, to)) {
        return true;
    }
    if (place->slash < 0) {
        bool ok = copy(scan, all, from, place->content) && put(scan, all, to, true);

        *from = place->end;
        return ok;
    }
    if (!copy(scan, all, from, place->slash) || !put(scan, all, ">", false) ||
        !put(scan, all, to, true) || !put(scan, all, "</", false) ||
        !put(scan, all, place->name, false) || !put(scan, all, ">", false)) {
        return false;
    }
    *from = place->content;
    return true;
}

/* Line ends of the file: those of its first line. */
static const char *line_end(const struct scan *scan)
{
    size_t i;
    char before = 0;

    for (i = 0; i < scan->len; i++) {
        if (scan->text[i] == '\n') {
            return before == '\r' ? "\r\n" : "\n";
        }
        if (scan->text[i] != '\0') { /* in UTF-16 each other byte is */
            before = scan->text[i];
        }
    }
    return "\n";
}

static bool add_missing(
    struct scan *scan, struct growing *all, int64_t *from, const char *const wanted[SETTINGS])
{
    const char *colon = strchr(scan->root, ':'), *end = line_end(scan);
    char tag[NAME_MAX_BYTES * 2];
    bool empty = scan->root_slash >= 0, any = false, ok = true;
    int i;

    for (i = 0; i < SETTINGS; i++) {
        any = any || (wanted[i] != NULL && !scan->place[i].there);
    }
    if (!any) {
        return true;
    }
    ok = copy(scan, all, from, empty ? scan->root_slash : scan->root_end) &&
         (!empty || (put(scan, all, ">", false) && put(scan, all, end, false)));
    for (i = 0; i < SETTINGS && ok; i++) {
        if (wanted[i] == NULL || scan->place[i].there) {
            continue;
        }
        snprintf(
            tag, sizeof tag, "%.*s%s", colon != NULL ? (int)(colon + 1 - scan->root) : 0,
            scan->root, names[i]);
        ok = put(scan, all, "  <", false) && put(scan, all, tag, false) &&
             put(scan, all, ">", false) && put(scan, all, wanted[i], true) &&
             put(scan, all, "</", false) && put(scan, all, tag, false) &&
             put(scan, all, ">", false) && put(scan, all, end, false);
    }
    if (ok && empty) {
        ok = put(scan, all, "</", false) && put(scan, all, scan->root, false) &&
             put(scan, all, ">", false);
        *from = scan->root_content;
    }
    return ok;
}

/* In the order in which they stand. */
static bool edit(struct scan *scan, struct growing *all, const char *const wanted[SETTINGS])
{
    bool done[SETTINGS] = {false}, ok = true;
    int64_t from = 0;
    int turn, i;

    for (turn = 0; turn < SETTINGS && ok; turn++) {
        int first = -1;

        for (i = 0; i < SETTINGS; i++) {
            if (scan->place[i].there && !done[i] &&
                (first < 0 || scan->place[i].content < scan->place[first].content)) {
                first = i;
            }
        }
        if (first >= 0) {
            done[first] = true;
            ok = wanted[first] == NULL || replace(scan, all, &from, first, wanted[first]);
        }
    }
    return ok && add_missing(scan, all, &from, wanted) &&
           copy(scan, all, &from, (int64_t)scan->len) && grow(all, "", 0);
}

/* What is not UTF-8, or no character of XML, would spoil the file. */
static enum baton_err check_wanted(const char *const wanted[SETTINGS], struct baton_error *error)
{
    static const struct charset utf8 = {.kind = CHARSET_UTF8};
    int i, len;

    for (i = 0; i < SETTINGS; i++) {
        const char *at = wanted[i] != NULL ? wanted[i] : "";
        size_t left = strlen(at);

        for (; left > 0; at += len, left -= (size_t)len) {
            uint32_t c = 0;

            len = charset_decode(&utf8, (const uint8_t *)at, left, &c);
            if (len <= 0 || c < 0x20) {
                return baton_fail(
                    error, BATON_INVALID, "<%s> can't be set: that is no text of UTF-8", names[i]);
            }
        }
    }
    return BATON_OK;
}

static const char new_file[] =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<FailoverConfig>\n</FailoverConfig>\n";

enum baton_err failover_config_edit(
    const char *text, size_t len, const struct failover_settings *settings, char **out,
    size_t *out_len, struct baton_error *error)
{
    const char *const wanted[SETTINGS] = {
        settings->shared_system_files_path, settings->failover_ip_address,
        settings->is_enabled < 0   ? NULL
        : settings->is_enabled > 0 ? "True"
                                   : "False"};
    struct scan *scan = calloc(1, sizeof *scan);
    struct failover_settings now = {.is_enabled = -1};
    struct growing all = {0};
    enum baton_err err = check_wanted(wanted, error);

    if (scan == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for the settings");
    }
    scan->text = len > 0 ? text : new_file;
    scan->len = len > 0 ? len : sizeof new_file - 1;
    if (err == BATON_OK) {
        err = find(scan, error);
    }
    if (err == BATON_OK) {
        err = read_settings(scan, &now, error);
        failover_config_fini(&now);
    }
    if (err == BATON_OK && !edit(scan, &all, wanted)) {
        err = baton_fail(
            error, BATON_INVALID, "what is to be set can't be written in the file's encoding, %s",
            scan->rewrite->charset.name);
    }
    rewrite_free(scan->rewrite);
    free(scan);
    if (err != BATON_OK) {
        free(all.bytes);
        return err;
    }
    all.bytes[all.len] = '\0';
    *out = all.bytes;
    *out_len = all.len;
    return BATON_OK;
}
