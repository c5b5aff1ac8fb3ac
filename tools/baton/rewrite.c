/* baton rewrite: old path prefixes in one file of this machine become a new one.
 *
 * As `baton migrate` does it on the servers, with the same names beside the file: what is written
 * goes to FILE.baton-new, is read back, and takes the file's place in one step; the original stays
 * as FILE.before-baton. In flat memory, whatever the file's size. */
#include "baton.h"
#include "progress.h"
#include "setup.h"

#include "rewrite/rewrite.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE         (256 * 1024)
#define RULES_MAX     16
#define DRAW_EVERY_MS 200

struct job {
    const struct args *args;
    char *path, *fresh, *backup, *folder; /* real ones: links are followed */
    int old, new;                         /* descriptors; -1: closed */
    struct stat was;
    struct rewrite_count count;
    struct progress progress;
    int64_t drawn_ms;
    const char *failed_at; /* what could not be written */
    int failed_why;
    char buffer[PIECE];
};

/* ---- Where things are --------------------------------------------------------------------- */

static enum baton_err find(struct job *job, const char *file, struct baton_error *error)
{
    char *slash;

    job->path = realpath(file, NULL);
    if (job->path == NULL) {
        return baton_fail(error, BATON_IO, "%s: %s", file, strerror(errno));
    }
    if (asprintf(&job->fresh, "%s.baton-new", job->path) < 0 ||
        asprintf(&job->backup, "%s.before-baton", job->path) < 0) {
        return baton_fail(error, BATON_NOMEM, "no memory for a path");
    }
    job->folder = strdup(job->path);
    slash = job->folder != NULL ? strrchr(job->folder, '/') : NULL;
    if (slash == NULL) {
        return baton_fail(error, BATON_NOMEM, "no memory for a path");
    }
    slash[slash == job->folder] = '\0';
    return BATON_OK;
}

/* The names in the folder are durable. */
static enum baton_err sync_folder(const struct job *job, struct baton_error *error)
{
    int fd = open(job->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int why = errno;

    if (fd >= 0) {
        close(fd);
    }
    return ok ? BATON_OK : baton_fail(error, BATON_IO, "%s: %s", job->folder, strerror(why));
}

static enum baton_err open_old(struct job *job, struct baton_error *error)
{
    job->old = open(job->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (job->old < 0 || fstat(job->old, &job->was) != 0) {
        return baton_fail(error, BATON_IO, "%s: %s", job->path, strerror(errno));
    }
    if (!S_ISREG(job->was.st_mode)) {
        return baton_fail(error, BATON_INVALID, "%s: it is no file", job->path);
    }
    if (job->was.st_nlink > 1) {
        return baton_fail(
            error, BATON_REFUSED,
            "%s: it has %ld names (hard links), and the others would keep the old text: remove "
            "them, or copy it",
            job->path, (long)job->was.st_nlink);
    }
    return BATON_OK;
}

/* ---- New text ------------------------------------------------------------------------------ */

static bool put(void *arg, const char *bytes, size_t len)
{
    struct job *job = arg;

    while (job->new >= 0 && len > 0) {
        ssize_t some = write(job->new, bytes, len);

        if (some < 0 && errno != EINTR) {
            job->failed_at = job->fresh;
            job->failed_why = errno;
            return false;
        }
        bytes += some > 0 ? some : 0;
        len -= some > 0 ? (size_t)some : 0;
    }
    return true;
}

static enum baton_err open_new(struct job *job, struct baton_error *error)
{
    job->new = open(job->fresh, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (job->new < 0) {
        return baton_fail(error, BATON_IO, "%s: %s", job->fresh, strerror(errno));
    }
    if (flock(job->new, LOCK_EX | LOCK_NB) != 0) {
        close(job->new);
        job->new = -1; /* another's: it stays */
        return baton_fail(
            error, BATON_REFUSED, "%s: another baton rewrites it; wait for its end", job->path);
    }
    if (ftruncate(job->new, 0) != 0 || fchown(job->new, job->was.st_uid, job->was.st_gid) != 0 ||
        fchmod(job->new, job->was.st_mode & 07777) != 0) {
        return baton_fail(error, BATON_IO, "%s: %s", job->fresh, strerror(errno));
    }
    return BATON_OK;
}

static void draw(struct job *job)
{
    int64_t now_ms = tell_now_ms();
    struct winsize size;
    char bar[512];

    if (job->args->json || !print_fancy() || now_ms - job->drawn_ms < DRAW_EVERY_MS) {
        return;
    }
    if (job->drawn_ms == 0) { /* what is done by then needs no bar */
        job->drawn_ms = now_ms;
        return;
    }
    job->drawn_ms = now_ms;
    job->progress.percent = (int)(job->progress.bytes * 100 / (job->progress.bytes_total + 1));
    progress_bar(
        &job->progress, now_ms,
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80, bar,
        sizeof bar);
    printf("\r\033[K%s", bar);
    fflush(stdout);
}

static void draw_no_more(const struct job *job)
{
    if (!job->args->json && print_fancy() && job->progress.percent >= 0) {
        printf("\r\033[K");
        fflush(stdout);
    }
}

static enum baton_err transform(
    struct job *job, const struct rewrite_rule *rules, int n_rules, struct baton_error *error)
{
    struct baton_error wrong = {0};
    struct rewrite *rewrite = NULL;
    enum baton_err err = rewrite_new(rules, n_rules, REWRITE_AUTO, put, job, &rewrite, &wrong);
    ssize_t got = 1;

    progress_init(&job->progress, "rsync", tell_now_ms());
    job->progress.bytes_total = job->was.st_size;
    while (err == BATON_OK && (got = read(job->old, job->buffer, sizeof job->buffer)) > 0) {
        err = rewrite_feed(rewrite, job->buffer, (size_t)got, &wrong);
        job->progress.bytes += got;
        draw(job);
    }
    if (err == BATON_OK && got == 0) {
        err = rewrite_end(rewrite, &job->count, &wrong);
    }
    draw_no_more(job);
    rewrite_free(rewrite);
    if (got < 0) {
        return baton_fail(error, BATON_IO, "%s: %s", job->path, strerror(errno));
    }
    if (job->failed_at != NULL) {
        return baton_fail(error, BATON_IO, "%s: %s", job->failed_at, strerror(job->failed_why));
    }
    return err == BATON_OK ? err : baton_fail(error, err, "%s: %s", job->path, wrong.text);
}

/* ---- In its place --------------------------------------------------------------------------- */

/* What is on the disk is what was to be written. */
static enum baton_err read_back(struct job *job, struct baton_error *error)
{
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    char text[2 * EVP_MAX_MD_SIZE + 1] = "";
    unsigned int len = 0, i;
    ssize_t got = -1;
    off_t at = 0;

    if (fsync(job->new) != 0) {
        EVP_MD_CTX_free(sum);
        return baton_fail(error, BATON_IO, "%s: %s", job->fresh, strerror(errno));
    }
    if (sum != NULL && EVP_DigestInit_ex(sum, EVP_sha256(), NULL) == 1) {
        while ((got = pread(job->new, job->buffer, sizeof job->buffer, at)) > 0) {
            EVP_DigestUpdate(sum, job->buffer, (size_t)got);
            at += got;
        }
    }
    if (got == 0 && EVP_DigestFinal_ex(sum, digest, &len) == 1) {
        for (i = 0; i < len; i++) {
            snprintf(text + (size_t)2 * i, 3, "%02x", digest[i]);
        }
    }
    EVP_MD_CTX_free(sum);
    if (strcmp(text, job->count.sha256_out) != 0) {
        return baton_fail(
            error, BATON_IO, "%s: what is read back is not what was written", job->fresh);
    }
    return BATON_OK;
}

static enum baton_err is_unchanged(const struct job *job, struct baton_error *error)
{
    struct stat now;

    if (lstat(job->path, &now) != 0 || now.st_ino != job->was.st_ino ||
        now.st_dev != job->was.st_dev || now.st_size != job->was.st_size ||
        now.st_mtim.tv_sec != job->was.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != job->was.st_mtim.tv_nsec) {
        return baton_fail(
            error, BATON_REFUSED, "%s: it was changed meanwhile: stop who writes it, and try again",
            job->path);
    }
    return BATON_OK;
}

static enum baton_err put_in_place(struct job *job, struct baton_error *error)
{
    enum baton_err err = read_back(job, error);

    if (err == BATON_OK) {
        err = is_unchanged(job, error);
    }
    if (err == BATON_OK && link(job->path, job->backup) != 0 && errno != EEXIST) {
        err = baton_fail(error, BATON_IO, "%s: %s", job->backup, strerror(errno));
    }
    if (err == BATON_OK && rename(job->fresh, job->path) != 0) {
        err = baton_fail(error, BATON_IO, "%s: %s", job->path, strerror(errno));
    }
    return err == BATON_OK ? sync_folder(job, error) : err;
}

static enum baton_err rewrite(struct job *job, struct baton_error *error)
{
    const struct args *args = job->args;
    struct rewrite_rule rules[RULES_MAX];
    int n_rules = args->n_words - 1, i;
    enum baton_err err;

    for (i = 0; i < n_rules; i++) {
        rules[i] = (struct rewrite_rule){args->word[1 + i], args->to};
    }
    err = open_old(job, error);
    if (err == BATON_OK && !args->dry_run) {
        err = open_new(job, error);
    }
    if (err == BATON_OK) {
        err = transform(job, rules, n_rules, error);
    }
    if (err == BATON_OK && !args->dry_run && job->count.replaced > 0) {
        err = put_in_place(job, error);
    }
    if (job->new >= 0) {
        unlink(job->fresh); /* where it has not taken the file's place */
        close(job->new);
    }
    if (job->old >= 0) {
        close(job->old);
    }
    return err;
}

/* ---- Back --------------------------------------------------------------------------------------
 */

static enum baton_err undo(struct job *job, struct baton_error *error)
{
    if (access(job->backup, F_OK) != 0 && errno == ENOENT) {
        return baton_fail(
            error, BATON_NOT_FOUND, "%s: nothing to take back: there is no %s", job->path,
            job->backup);
    }
    if (rename(job->backup, job->path) != 0) {
        return baton_fail(error, BATON_IO, "%s: %s", job->path, strerror(errno));
    }
    return sync_folder(job, error);
}

/* ---- The command
 * --------------------------------------------------------------------------------- */

static void say(const struct job *job)
{
    const struct args *args = job->args;
    const struct rewrite_count *count = &job->count;

    if (args->json) {
        json_t *object = json_pack(
            "{s:b,s:s,s:b,s:b}", "ok", true, "file", job->path, "dry_run", args->dry_run, "undone",
            args->undo);

        if (!args->undo) {
            json_object_set_new(object, "replaced", json_integer(count->replaced));
            json_object_set_new(object, "sha256_before", json_string(count->sha256_in));
            json_object_set_new(object, "sha256", json_string(count->sha256_out));
        }
        print_json_line(object);
        json_decref(object);
    } else if (args->undo) {
        printf("%s: the original is back\n", job->path);
    } else if (count->replaced == 0) {
        printf("%s: nothing to rewrite\n", job->path);
    } else {
        printf(
            "%s: %lld path%s%s → %s\n", job->path, (long long)count->replaced,
            count->replaced == 1 ? "" : "s", args->dry_run ? " would become" : "", args->to);
        if (!args->dry_run) {
            printf("The original is %s; to put it back: baton rewrite --undo FILE\n", job->backup);
        }
    }
}

int command_rewrite(const struct args *args)
{
    struct job *job = calloc(1, sizeof *job);
    struct baton_error error = {0};
    enum baton_err err = BATON_OK;

    if (job == NULL) {
        return print_error(args, BATON_NO, "nomem", "no memory");
    }
    *job = (struct job){.args = args, .old = -1, .new = -1};
    if (args->undo != (args->n_words == 1) || args->undo != (args->to == NULL)) {
        free(job);
        return print_error(
            args, BATON_USAGE, "usage",
            "baton rewrite wants a file, the old paths, and --to with the new one; or --undo and a "
            "file");
    }
    err = find(job, args->word[0], &error);
    if (err == BATON_OK) {
        err = args->undo ? undo(job, &error) : rewrite(job, &error);
    }
    if (err == BATON_OK) {
        say(job);
    } else {
        print_error(args, BATON_NO, baton_err_name(err), "%s", error.text);
    }
    free(job->path);
    free(job->fresh);
    free(job->backup);
    free(job->folder);
    free(job);
    return err == BATON_OK ? BATON_DONE : BATON_NO;
}
