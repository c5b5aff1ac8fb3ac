/* The state directory and its lock. */
#include "journal/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define CIFS_MAGIC 0xff534d42u
#define SMB2_MAGIC 0xfe534d42u

/* WAL needs memory shared by all who have the file open, which no network file system
 * gives. And a share is just what may be gone when a handover must be recorded. */
static bool on_network(const char *path)
{
    struct statfs fs;
    unsigned type;

    if (statfs(path, &fs) != 0) {
        return false;
    }
    type = (unsigned)fs.f_type;
    return type == NFS_SUPER_MAGIC || type == SMB_SUPER_MAGIC || type == CIFS_MAGIC ||
           type == SMB2_MAGIC;
}

static enum baton_err check_directory(const char *path, struct baton_error *error)
{
    struct stat st;

    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        return baton_fail(
            error, BATON_IO, "state directory %s can't be made: %s; make it, or name another", path,
            strerror(errno));
    }
    if (stat(path, &st) != 0) {
        return baton_fail(error, BATON_IO, "state directory %s: %s", path, strerror(errno));
    }
    if (!S_ISDIR(st.st_mode)) {
        return baton_fail(
            error, BATON_INVALID, "state directory %s is no directory: name another", path);
    }
    if ((st.st_mode & S_IWOTH) != 0) {
        return baton_fail(
            error, BATON_INVALID,
            "state directory %s can be written by everybody: chmod o-w %s, or name another", path,
            path);
    }
    if (on_network(path)) {
        return baton_fail(
            error, BATON_INVALID,
            "state directory %s is on a network file system: it must be on a local disk", path);
    }
    return BATON_OK;
}

static long holder_of(int fd)
{
    char text[32] = "";
    ssize_t got = pread(fd, text, sizeof text - 1, 0);

    return got > 0 ? strtol(text, NULL, 10) : 0;
}

static enum baton_err refuse(const char *path, int fd, struct baton_error *error)
{
    char who[48] = "another process";
    long pid = holder_of(fd);

    if (pid > 0) {
        snprintf(who, sizeof who, "process %ld", pid);
    }
    return baton_fail(
        error, BATON_REFUSED,
        "state directory %s is in use by %s: only one controller may run on it; stop that one "
        "first, or name another directory",
        path, who);
}

enum baton_err directory_lock(const char *path, int *fd, struct baton_error *error)
{
    char file[PATH_MAX], pid[32];
    enum baton_err err = check_directory(path, error);
    int lock, len;

    if (err != BATON_OK) {
        return err;
    }
    if (snprintf(file, sizeof file, "%s/lock", path) >= PATH_MAX - 32) {
        return baton_fail(error, BATON_INVALID, "state directory %.200s…: too long a name", path);
    }
    lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) {
        return baton_fail(
            error, BATON_IO, "lock %s can't be opened: %s; it must be a file that batond may write",
            file, strerror(errno));
    }
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        err = errno == EWOULDBLOCK
                  ? refuse(path, lock, error)
                  : baton_fail(error, BATON_IO, "lock %s: %s", file, strerror(errno));
        close(lock);
        return err;
    }
    len = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(lock, 0) != 0 || pwrite(lock, pid, (size_t)len, 0) != len) {
        errno = 0; /* on a full disk the lock holds all the same; only the number is missing */
    }
    *fd = lock;
    return BATON_OK;
}

void directory_unlock(int fd)
{
    if (ftruncate(fd, 0) != 0) {
        errno = 0; /* a stale number in a lock that nobody holds does no harm */
    }
    close(fd);
}
