/* Files that the configuration names: where they are, and whether they can be trusted. */
#include "config/read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Absolute in any case: a daemon may change its working directory. */
char *files_resolve(const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    int folder = slash != NULL ? (int)(slash - file) + 1 : 0;
    char *here = NULL, *whole = NULL;

    if (path[0] == '/') {
        return strdup(path);
    }
    if (file[0] != '/') {
        here = getcwd(NULL, 0);
    }
    if ((file[0] != '/' && here == NULL) || asprintf(
                                                &whole, "%s%s%.*s%s", here != NULL ? here : "",
                                                here != NULL ? "/" : "", folder, file, path) < 0) {
        whole = NULL;
    }
    free(here);
    return whole;
}

/* What is wrong with it; NULL if nothing. */
static const char *distrust(enum files_rule rule, const struct stat *st)
{
    if (rule != FILES_FOLDER && !S_ISREG(st->st_mode)) {
        return "is no regular file: name another";
    }
    if (rule == FILES_FOLDER && !S_ISDIR(st->st_mode)) {
        return "is no folder: name another";
    }
    if ((st->st_mode & S_IWOTH) != 0) {
        return "can be written by everybody: chmod o-w it";
    }
    if (rule == FILES_READABLE) {
        return NULL;
    }
    if (st->st_uid != 0 && st->st_uid != geteuid()) {
        return "belongs to neither root nor the daemon's user: chown it";
    }
    if ((st->st_mode & S_IWGRP) != 0) {
        return "can be written by its group: chmod g-w it";
    }
    if (rule == FILES_SECRET && (st->st_mode & (S_IRGRP | S_IROTH)) != 0) {
        return "can be read by others than its owner: chmod 600 it";
    }
    return NULL;
}

bool files_check(
    enum files_rule rule, const char *what, const char *path, const char *file, int line,
    struct report *report)
{
    const char *wrong;
    struct stat st;

    if (stat(path, &st) != 0 || access(path, R_OK) != 0) {
        report_add(
            report, errno == ENOENT ? BATON_NOT_FOUND : BATON_INVALID, file, line,
            "%s %s: %s; check the name and who may read it", what, path, strerror(errno));
        return false;
    }
    wrong = distrust(rule, &st);
    if (wrong != NULL) {
        report_add(report, BATON_INVALID, file, line, "%s %s %s", what, path, wrong);
    }
    return wrong == NULL;
}

char *files_policy(const char *file, const char *policy, int line, struct report *report)
{
    char *own = files_resolve(file, policy), *shipped = NULL;

    if (own != NULL && access(own, F_OK) != 0 && policy[0] != '/' &&
        asprintf(&shipped, "%s/policies/%s", BATON_DATA_DIR, policy) >= 0) {
        if (access(shipped, F_OK) == 0) {
            free(own);
            own = shipped;
            shipped = NULL;
        } else {
            report_add(
                report, BATON_NOT_FOUND, file, line,
                "<policy>: there is no %s, and none is shipped as %s: correct file=\"%s\"", own,
                shipped, policy);
            free(shipped);
            return own;
        }
    }
    free(shipped);
    if (own != NULL) {
        files_check(FILES_READABLE, "<policy>: file", own, file, line, report);
    }
    return own;
}
