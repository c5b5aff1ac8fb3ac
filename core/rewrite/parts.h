/* The inside of the rewriter. rewrite.c takes pieces apart into characters and gives them to xml.c
 * or json.c, which know what is a value and hand its characters to prefix.c; that replaces
 * prefixes. What is not a value, or not replaced, goes out as the bytes that came in. */
#ifndef BATON_REWRITE_PARTS_H
#define BATON_REWRITE_PARTS_H

#include "rewrite.h"
#include "sha256.h"

#define RULES_MAX      16
#define RULE_CHARS_MAX 1024  /* of a `from` or a `to` */
#define RAW_MAX        64    /* bytes of one character, also as a reference or an escape */
#define DEPTH_MAX      1024  /* elements, or arrays and objects */
#define ATTRIBUTES_MAX 256   /* of one element */
#define OUT_MAX        65536 /* bytes that wait to go out together */
#define HEAD_MAX       1024  /* bytes in which the encoding must be named */

/* ---- Encodings --------------------------------------------------------------------------- */

struct charset_table {
    const char *name; /* small letters */
    uint16_t high[128];
};
extern const struct charset_table charset_tables[];
extern const size_t n_charset_tables;

enum charset_kind {
    CHARSET_UTF8 = 0,
    CHARSET_UTF16LE,
    CHARSET_UTF16BE,
    CHARSET_TABLE, /* ASCII and 128 more */
    CHARSET_ASCII,
};

struct charset {
    enum charset_kind kind;
    const uint16_t *high;
    const char *name;
};

#define CHARSET_WRONG (-1)
/* The first character: how many bytes it takes, 0 where they are not all there, CHARSET_WRONG. */
int charset_decode(const struct charset *charset, const uint8_t *at, size_t left, uint32_t *c);
/* Its bytes; 0: the encoding has none for it. */
int charset_encode(const struct charset *charset, uint32_t c, uint8_t out[4]);
/* By its name in an XML declaration. False: not one that can be kept byte for byte. */
bool charset_find(const char *name, struct charset *out);
/* Line feeds in these bytes. */
int64_t charset_lines(const struct charset *charset, const uint8_t *at, size_t len);

/* Letters that differ in case only give the same. */
uint32_t fold(uint32_t c);

/* ---- Prefixes ---------------------------------------------------------------------------- */

enum value_kind { /* how what is put in is written */
    VALUE_XML = 0,
    VALUE_CDATA,
    VALUE_JSON,
};
#define VALUE_KINDS 3

struct rule {
    uint32_t from[RULE_CHARS_MAX]; /* folded, with '/' for either slash, none at the end */
    int n;
    char *to;       /* UTF-8, no slash at the end; NULL: it stays as it is */
    uint32_t slash; /* that the rest of a path gets; 0: it keeps its own */
};

struct unit { /* one character of a value */
    uint32_t c;
    uint8_t len;
    uint8_t raw[RAW_MAX];
};

struct prefix {
    enum value_kind kind;
    uint32_t before;    /* the character before the queue; 0: the value begins */
    uint32_t rest;      /* slash that the rest of this path gets; 0: its own */
    struct unit *queue; /* characters that are not decided on */
    int size, head, tail;
    bool matching;
    int at;                   /* so many after `head` have been compared */
    uint32_t alive;           /* rules that fit until there, a bit each */
    int best, best_len;       /* the longest that fits; -1: none */
    uint8_t interesting[256]; /* by byte: may a rule begin with it? */
};

/* False where memory is out. */
bool prefix_init(struct rewrite *rewrite);
void prefix_fini(struct rewrite *rewrite);
void prefix_open(struct rewrite *rewrite, enum value_kind kind);
bool prefix_char(struct rewrite *rewrite, uint32_t c, const uint8_t *raw, size_t len);
bool prefix_close(struct rewrite *rewrite);
/* Bytes of a value, from `at` on, of which none begins a prefix, is not ASCII or is of the kinds in
 * `stop`: they go out at once. Returns where it ends; NULL: they can't. For encodings that have
 * ASCII as it is. */
const uint8_t *prefix_run(
    struct rewrite *rewrite, const uint8_t *at, const uint8_t *end, uint8_t stop);
#define BYTE_XML   1  /* '<', '&', ']', control characters */
#define BYTE_QUOTE 2  /* either */
#define BYTE_JSON  4  /* '"', '\\', control characters */
#define BYTE_END   8  /* ends a path */
#define BYTE_SLASH 16 /* either */
#define BYTE_HIGH  32 /* not ASCII */
#define BYTE_NAME  64 /* of a name in XML */
extern const uint8_t byte_kinds[256];
/* May a path begin after that character? */
bool prefix_may_begin(uint32_t before, uint32_t first);

/* ---- XML --------------------------------------------------------------------------------- */

/* Told of the elements, with offsets in bytes of what came in. */
struct xml_watch {
    /* A start tag with that name as it stands, its content from `content` on; `slash`: where the
     * '/' of an empty element is, else -1. */
    void (*open)(void *arg, const char *name, int64_t content, int64_t slash);
    /* An end tag that begins at `at`; for an empty element too, at -1. */
    void (*close)(void *arg, int64_t at);
    void (*other)(void *arg); /* a comment, CDATA or processing instruction */
    void *arg;
};

struct xml {
    int state, back; /* back: after a reference */
    int depth, dashes, brackets, word;
    uint32_t quote;
    bool rooted, blank, declared;
    uint64_t name; /* a hash of the one that is being read */
    uint64_t open[DEPTH_MAX];
    int n_attributes;
    uint64_t attribute[ATTRIBUTES_MAX];
    char reference[16];
    int n_reference;
    struct unit held; /* the bytes of a reference */
    char target[4];   /* the begin of a processing instruction's */
    int n_target;
    const struct xml_watch *watch;
    char tag[256]; /* for the watch */
    int n_tag;
    int64_t tag_at, slash_at;
};

bool xml_char(struct rewrite *rewrite, uint32_t c, const uint8_t *raw, size_t len);
/* Bytes that are of no interest, from `at` on; they go out at once. */
const uint8_t *xml_run(struct rewrite *rewrite, const uint8_t *at, const uint8_t *end);
bool xml_end(struct rewrite *rewrite);

/* ---- JSON -------------------------------------------------------------------------------- */

struct json {
    int state, depth, word, digits;
    const char *literal;
    bool key, object[DEPTH_MAX];
    uint32_t code;
    struct unit held; /* the bytes of an escape */
};

bool json_char(struct rewrite *rewrite, uint32_t c, const uint8_t *raw, size_t len);
const uint8_t *json_run(struct rewrite *rewrite, const uint8_t *at, const uint8_t *end);
bool json_end(struct rewrite *rewrite);

/* ---- All of it --------------------------------------------------------------------------- */

struct rewrite {
    int n_rules;
    struct rule *rule;
    enum rewrite_format format;
    rewrite_sink_fn *sink;
    void *arg;
    struct charset charset;
    bool decided, broken;
    uint8_t head[HEAD_MAX];
    size_t n_head;
    uint8_t carry[4]; /* the begin of a character */
    size_t n_carry;
    int64_t line;               /* of the begin of this piece */
    const uint8_t *piece, *now; /* being read; NULL: none */
    int64_t offset;             /* of the character that is being read */
    struct baton_error *error;  /* of the call */
    enum baton_err failed;
    struct prefix prefix;
    struct xml xml;
    struct json json;
    struct sha256 *sha_in, *sha_out;
    struct rewrite_count count;
    size_t n_out;
    uint8_t out[OUT_MAX];
};

/* head.c: encoding and format, from what has come. False with `*more`: not enough has. */
bool head_decide(struct rewrite *rewrite, bool ended, bool *more);

/* Always false, so that what fails can end in `return rewrite_fail(…)`. Puts the line before it. */
bool rewrite_fail(struct rewrite *rewrite, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool rewrite_out(struct rewrite *rewrite, const uint8_t *bytes, size_t len);
/* Text in the file's encoding, as that kind of value writes it. */
bool rewrite_put(struct rewrite *rewrite, const char *text, enum value_kind kind);
/* One character of UTF-8, which is valid. Moves `*at` on. */
uint32_t rewrite_utf8(const char **at);
/* The name of a character, for errors: "'x'" or "U+1F600". */
const char *rewrite_name(uint32_t c, char text[16]);

#endif
