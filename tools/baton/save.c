/* Files that commands write. */
#include "baton.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        text += n;
        len -= (size_t)n;
    }
    return true;
}

/* What is there keeps its mode; a new file gets the usual one. */
static mode_t mode_for(const char *path)
{
    struct stat status;
    mode_t mask;

    if (stat(path, &status) == 0) {
        return status.st_mode & 0777;
    }
    mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

bool save_file(const char *file, const char *text, size_t len)
{
    char path[PATH_MAX], beside[PATH_MAX + 16];
    struct stat status;
    bool ok, plain;
    int fd;

    if (realpath(file, path) == NULL) { /* through a link, the file that it names */
        snprintf(path, sizeof path, "%s", file);
    }
    plain = stat(path, &status) != 0 || S_ISREG(status.st_mode);
    snprintf(beside, sizeof beside, "%s.XXXXXX", path);
    fd = plain ? mkostemp(beside, O_CLOEXEC) : open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ok = write_all(fd, text, len) && (!plain || fchmod(fd, mode_for(path)) == 0);
    ok = close(fd) == 0 && ok;
    if (plain && (!ok || rename(beside, path) != 0)) {
        int why = errno;

        unlink(beside);
        errno = why;
        return false;
    }
    return ok;
}

bool save_same(const char *file, const char *other)
{
    struct stat one, two;

    return stat(file, &one) == 0 && stat(other, &two) == 0 && S_ISREG(one.st_mode) &&
           one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}
