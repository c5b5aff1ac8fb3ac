#include "world/live/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *file_of(const struct config *config, const char *name)
{
    for (int i = 0; config != NULL && i < config->n_secrets; i++) {
        if (strcmp(config->secret[i].name, name) == 0) {
            return config->secret[i].file;
        }
    }
    return NULL;
}

static bool is_safe(int fd, const char *name, const char *file, char *why, size_t why_size)
{
    struct stat info;

    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        snprintf(why, why_size, "secret %.64s: %.200s is no regular file", name, file);
        return false;
    }
    if (info.st_uid != 0 && info.st_uid != geteuid()) {
        snprintf(
            why, why_size, "secret %.64s: %.200s belongs to user %u; chown it to root", name, file,
            (unsigned)info.st_uid);
        return false;
    }
    if ((info.st_mode & 077) != 0) {
        snprintf(
            why, why_size, "secret %.64s: %.200s is open to others (mode %04o); chmod 600", name,
            file, (unsigned)info.st_mode & 07777);
        return false;
    }
    return true;
}

bool secret_read(
    const struct config *config, const char *name, char out[SECRET_MAX + 1], char *why,
    size_t why_size)
{
    const char *file = file_of(config, name);
    /* Not to hang on a pipe that took the file's place. */
    int fd = file != NULL ? open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
    bool good = false;
    ssize_t len;

    if (file == NULL) {
        snprintf(why, why_size, "no secret %.64s in the configuration", name);
        return false;
    }
    if (fd < 0) {
        snprintf(why, why_size, "secret %.64s: %.200s: %s", name, file, strerror(errno));
        return false;
    }
    if (!is_safe(fd, name, file, why, why_size)) {
        goto out;
    }
    len = read(fd, out, SECRET_MAX);
    out[len > 0 ? len : 0] = 0;
    out[strcspn(out, "\r\n")] = 0;
    good = out[0] != 0;
    if (!good) {
        snprintf(why, why_size, "secret %.64s: %.200s has no text in its first line", name, file);
    }
out:
    close(fd);
    return good;
}
