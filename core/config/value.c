#include "config/value.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libxml/uri.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define UPPER   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

/* Digits, then a unit of the list; their product without overflow. */
struct unit {
    const char *name;
    int64_t factor;
};

static bool scaled(const char *text, const struct unit *unit, int count, int64_t *product)
{
    char *end;
    long long number;
    int i;

    if (strspn(text, DIGITS) == 0) {
        return false;
    }
    errno = 0;
    number = strtoll(text, &end, 10);
    for (i = 0; i < count && errno == 0; i++) {
        if (strcmp(end, unit[i].name) == 0) {
            return !__builtin_mul_overflow((int64_t)number, unit[i].factor, product);
        }
    }
    return false;
}

bool value_duration(const char *text, int64_t *ms, const char **wants)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

    *wants = "a number with ms, s, m, h or d, like 600ms, 10s or 7d";
    return scaled(text, units, 5, ms) && *ms > 0 && *ms <= INT64_C(3650) * 86400000;
}

bool value_size(const char *text, int64_t *bytes, const char **wants)
{
    static const struct unit units[] = {{"", 1}, {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}};

    *wants = "a number of bytes, or with K, M or G, like 4M";
    return scaled(text, units, 4, bytes);
}

bool value_number(const char *text, int64_t min, int64_t max, int64_t *number)
{
    static const struct unit one = {"", 1};

    return scaled(text, &one, 1, number) && *number >= min && *number <= max;
}

static bool made_of(const char *text, const char *first, const char *rest, size_t max)
{
    size_t len = strlen(text);

    return len > 0 && len <= max && strchr(first, text[0]) != NULL && strspn(text, rest) == len;
}

bool value_name(const char *text, const char **wants)
{
    *wants = "letters, digits, '.', '_' and '-', a letter or digit first, at most 63";
    return made_of(text, LETTERS UPPER DIGITS, LETTERS UPPER DIGITS "._-", 63);
}

bool value_word(const char *text, const char **wants)
{
    *wants = "letters, digits and '_', no digit first, at most 63";
    return made_of(text, LETTERS UPPER "_", LETTERS UPPER DIGITS "_", 63);
}

bool value_user(const char *text, const char **wants)
{
    *wants = "a user name: letters, digits, '.', '_' and '-', a letter or '_' first";
    return made_of(text, LETTERS UPPER "_", LETTERS UPPER DIGITS "._-", 32);
}

bool value_host(const char *text, const char **wants)
{
    *wants = "a host name or an address";
    return value_address(text, &(const char *){NULL}) ||
           made_of(text, LETTERS UPPER DIGITS, LETTERS UPPER DIGITS "._-", 253);
}

bool value_interface(const char *text, const char **wants)
{
    size_t len = strlen(text);

    *wants = "the name of a network interface, like eth0, at most 15 characters";
    return len > 0 && len < IFNAMSIZ && text[0] != '-' && strcspn(text, "/: \t\n") == len &&
           strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

/* Family and bytes of an address with or without a prefix length; -1: no prefix. */
static bool parse_address(const char *text, int *family, unsigned char bytes[16], int *prefix)
{
    char host[INET6_ADDRSTRLEN];
    size_t len = strcspn(text, "/");
    int64_t number;

    *prefix = -1;
    memset(bytes, 0, 16);
    if (len >= sizeof host) {
        return false;
    }
    snprintf(host, sizeof host, "%.*s", (int)len, text);
    *family = inet_pton(AF_INET, host, bytes) == 1 ? AF_INET : AF_INET6;
    if (*family == AF_INET6 && inet_pton(AF_INET6, host, bytes) != 1) {
        return false;
    }
    if (text[len] == '/') {
        if (!value_number(text + len + 1, 1, *family == AF_INET ? 32 : 128, &number)) {
            return false;
        }
        *prefix = (int)number;
    }
    return true;
}

/* An address that a host can have. */
static bool is_host(int family, const unsigned char bytes[16])
{
    static const unsigned char zero[16];

    if (family == AF_INET) {
        return bytes[0] != 0 && bytes[0] < 224;
    }
    return memcmp(bytes, zero, 16) != 0 && bytes[0] != 0xff;
}

bool value_address(const char *text, const char **wants)
{
    unsigned char bytes[16];
    int family, prefix;

    *wants = "an IPv4 or IPv6 address of a host, like 10.9.0.1 or fd00::1";
    return parse_address(text, &family, bytes, &prefix) && prefix < 0 && is_host(family, bytes);
}

bool value_prefixed(const char *text, const char **wants)
{
    unsigned char bytes[16];
    int family, prefix;

    *wants = "an address with its prefix length, like 10.9.0.100/24 or fd00::100/64";
    return parse_address(text, &family, bytes, &prefix) && prefix > 0 && is_host(family, bytes);
}

bool value_same_address(const char *a, const char *b)
{
    unsigned char x[16], y[16];
    int family_x, family_y, prefix;

    return parse_address(a, &family_x, x, &prefix) && parse_address(b, &family_y, y, &prefix) &&
           family_x == family_y && memcmp(x, y, 16) == 0;
}

bool value_endpoint(const char *text, const char **wants)
{
    xmlURI *uri = xmlParseURI(text);
    bool good;

    *wants = "https://HOST:PORT, or http://HOST:PORT, and no more";
    good = uri != NULL && uri->scheme != NULL && uri->server != NULL && uri->server[0] != '\0' &&
           (strcmp(uri->scheme, "https") == 0 || strcmp(uri->scheme, "http") == 0) &&
           uri->port > 0 && uri->port < 65536 && uri->user == NULL && uri->query == NULL &&
           uri->fragment == NULL && uri->path == NULL;
    xmlFreeURI(uri);
    return good;
}

bool value_is_loopback(const char *endpoint)
{
    xmlURI *uri = xmlParseURI(endpoint);
    const char *host = uri != NULL && uri->server != NULL ? uri->server : "";
    struct in_addr address;
    bool is;

    is = strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
         (inet_pton(AF_INET, host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
    xmlFreeURI(uri);
    return is;
}

bool value_prefix(const char *text, const char **wants)
{
    size_t len = strlen(text);

    *wants = "a path like /baton, without a slash at its end, of letters, digits, '.', '_' and '-'";
    return text[0] == '/' && made_of(text, "/", LETTERS UPPER DIGITS "._-/", 200) &&
           text[len - 1] != '/' && strstr(text, "//") == NULL;
}

bool value_command(const char *text, const char **wants)
{
    *wants =
        "a program and its words with blanks between them. There is no shell: quotes and "
        "signs like | ; & < > $ mean nothing; a word with a blank in it is an <arg value=\"…\"/>";
    return text[0] != ' ' && strpbrk(text, "\"'`\\|;&<>$()\t") == NULL;
}
