/* Records what a process does to the files below RECORD_BELOW into the file RECORD_INTO.
 *
 * Loaded with LD_PRELOAD by test_power_cut.py; Linux only. One record an operation:
 *     kind TAB path TAB other path TAB offset TAB length LF, then `length` bytes
 * C made, W written, T cut or grown to offset, S synced, U unlinked, R renamed; A said on stdout.
 * Every call goes straight to the kernel, so that nothing here is recorded itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int below(const char *path)
{
    const char *folder = getenv("RECORD_BELOW");
    return folder && strncmp(path, folder, strlen(folder)) == 0;
}

/* the path of an open file, if it is one of ours */
static int named(int fd, char *path)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long n = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[n < 0 ? 0 : n] = 0;
    return n > 0 && below(path);
}

static void record(char kind, const char *path, const char *other, long long offset,
                   const void *data, size_t length)
{
    static int into = -1;
    char head[2 * PATH_MAX + 64];
    int saved = errno;
    if (into < 0)
        into = syscall(SYS_openat, AT_FDCWD, getenv("RECORD_INTO"),
                       O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int n = snprintf(head, sizeof head, "%c\t%s\t%s\t%lld\t%zu\n", kind, path, other, offset, length);
    if (syscall(SYS_write, into, head, n) != n
        || (length && syscall(SYS_write, into, data, length) != (long)length))
        abort();
    errno = saved;
}

static int opened(int folder, const char *path, int flags, int mode)
{
    int ours = below(path);
    int there = ours && syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
    int fd = syscall(SYS_openat, folder, path, flags, mode);
    if (ours && fd >= 0 && (flags & O_CREAT) && !there)
        record('C', path, "", 0, NULL, 0);
    else if (ours && fd >= 0 && (flags & O_TRUNC))
        record('T', path, "", 0, NULL, 0);
    return fd;
}

#define MODE(flags, mode) \
    int mode = 0; \
    if (flags & O_CREAT) { \
        va_list more; \
        va_start(more, flags); \
        mode = va_arg(more, int); \
        va_end(more); \
    }

int open(const char *path, int flags, ...)
{
    MODE(flags, mode)
    return opened(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE(flags, mode)
    return opened(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    MODE(flags, mode)
    return opened(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...)
{
    MODE(flags, mode)
    return opened(folder, path, flags, mode);
}

ssize_t write(int fd, const void *data, size_t length)
{
    char path[PATH_MAX];
    long long at = syscall(SYS_lseek, fd, 0, SEEK_CUR);
    ssize_t n = syscall(SYS_write, fd, data, length);
    if (n > 0 && named(fd, path))
        record('W', path, "", at, data, n);
    else if (n > 0 && fd == STDOUT_FILENO)
        record('A', "", "", 0, data, n);
    return n;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at)
{
    char path[PATH_MAX];
    ssize_t n = syscall(SYS_pwrite64, fd, data, length, at);
    if (n > 0 && named(fd, path))
        record('W', path, "", at, data, n);
    return n;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t at)
{
    return pwrite64(fd, data, length, at);
}

int ftruncate64(int fd, off64_t size)
{
    char path[PATH_MAX];
    int failed = syscall(SYS_ftruncate, fd, size);
    if (!failed && named(fd, path))
        record('T', path, "", size, NULL, 0);
    return failed;
}

int ftruncate(int fd, off_t size)
{
    return ftruncate64(fd, size);
}

int fsync(int fd)
{
    char path[PATH_MAX];
    int failed = syscall(SYS_fsync, fd);
    if (!failed && named(fd, path))
        record('S', path, "", 0, NULL, 0);
    return failed;
}

int fdatasync(int fd)
{
    return fsync(fd);
}

int unlink(const char *path)
{
    int failed = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (!failed && below(path))
        record('U', path, "", 0, NULL, 0);
    return failed;
}

int rename(const char *path, const char *other)
{
    int failed = syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, other, 0);
    if (!failed && below(path))
        record('R', path, other, 0, NULL, 0);
    return failed;
}
