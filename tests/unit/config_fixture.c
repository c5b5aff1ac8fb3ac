#include "config_fixture.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char directory[200];
struct config *config;
struct baton_error error;

const char *in(const char *name)
{
    static char path[600];

    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

void put(const char *name, const char *text, size_t len, mode_t mode)
{
    FILE *out = fopen(in(name), "wb");

    ck_assert_ptr_nonnull(out);
    ck_assert_uint_eq(fwrite(text, 1, len, out), len);
    fclose(out);
    ck_assert_int_eq(chmod(in(name), mode), 0);
}

void config_setup(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(directory, sizeof directory, "%s/baton-config-XXXXXX", tmp != NULL ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    put("p.lua", "return policy {}\n", 17, 0644);
}

void config_teardown(void)
{
    DIR *listing = opendir(directory);
    const struct dirent *entry;

    config_free(config);
    config = NULL;
    ck_assert_ptr_nonnull(listing);
    while ((entry = readdir(listing)) != NULL) {
        if (unlink(in(entry->d_name)) != 0) {
            rmdir(in(entry->d_name));
        }
    }
    closedir(listing);
    rmdir(directory);
}

enum baton_err load_bytes(const char *text, size_t len)
{
    put("baton.xml", text, len, 0644);
    config_free(config);
    config = NULL;
    memset(&error, 0, sizeof error);
    return config_load(in("baton.xml"), &config, &error);
}

enum baton_err load(const char *text)
{
    return load_bytes(text, strlen(text));
}

enum baton_err load_as(const char *text, const char *self)
{
    put("baton.xml", text, strlen(text), 0644);
    config_free(config);
    config = NULL;
    memset(&error, 0, sizeof error);
    return config_load_as(in("baton.xml"), self, &config, &error);
}

void loads(const char *text)
{
    ck_assert_msg(load(text) == BATON_OK, "%s", error.text);
}

void says(const char *text)
{
    ck_assert_msg(strstr(error.text, text) != NULL, "no \"%s\" in:\n%s", text, error.text);
}

/* Refused, with `line` and `text` in the error. */
void refused(const char *xml, int line, const char *text)
{
    char place[300];

    ck_assert_msg(load(xml) != BATON_OK, "loaded: %s", xml);
    ck_assert_ptr_null(config);
    if (line > 0) {
        snprintf(place, sizeof place, "%s/baton.xml:%d: ", directory, line);
        says(place);
    }
    says(text);
}
