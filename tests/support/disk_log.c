// disk_log: for LD_PRELOAD. Writes every change to files and folders below $DISK_LOG_ROOT, and every
// sync of one, into $DISK_LOG, in the order in which they happened: crashed_disk.py makes of it what
// a disk can hold after a power failure.
//
// A record: op, inode u64, offset u64, bytes of path and of data u32 each, path, data; of one
// machine, in its byte order. Only what the agent and SQLite call is here; an unknown way to change
// a file below the root would show as a difference at the end of the log (crashed_disk.py looks).
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { kOpen = 'o', kWrite = 'w', kTruncate = 't', kSync = 's', kSyncFolder = 'S', kRename = 'r', kLink = 'l', kUnlink = 'u', kMkdir = 'm', kRmdir = 'd' };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static const char* root;

static void* next(const char* name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
  root = getenv("DISK_LOG_ROOT");
  const char* path = getenv("DISK_LOG");
  if (root && path) log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static void raw(const void* bytes, size_t size) {
  if (syscall(SYS_write, log_fd, bytes, size) != (long)size) abort();
}

static void record(char op, uint64_t inode, uint64_t offset, const char* path, const void* data, size_t size) {
  uint32_t lengths[2] = {(uint32_t)strlen(path), (uint32_t)size};
  raw(&op, 1);
  raw(&inode, 8);
  raw(&offset, 8);
  raw(lengths, 8);
  raw(path, lengths[0]);
  raw(data, size);
}

static int is_below(const char* path) {
  return log_fd >= 0 && path && strncmp(path, root, strlen(root)) == 0;
}

// The path of a descriptor below the root; 0: it is another's.
static int path_of(int fd, char* path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, size - 1);
  if (n < 0) return 0;
  path[n] = 0;
  return is_below(path);
}

static uint64_t inode_of(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 ? info.st_ino : 0;
}

static int opened(int fd, const char* path, int flags) {
  if (fd >= 0 && (flags & (O_CREAT | O_TRUNC)) && is_below(path) && (flags & O_TMPFILE) != O_TMPFILE)
    record(kOpen, inode_of(fd), (flags & O_TRUNC) != 0, path, "", 0);
  return fd;
}

#define OPEN(name)                                                  \
  int name(const char* path, int flags, ...) {                      \
    va_list args;                                                   \
    va_start(args, flags);                                          \
    mode_t mode = va_arg(args, mode_t);                             \
    va_end(args);                                                   \
    int (*real)(const char*, int, ...) = next(#name);               \
    pthread_mutex_lock(&lock);                                      \
    int error, fd = opened(real(path, flags, mode), path, flags);   \
    error = errno;                                                  \
    pthread_mutex_unlock(&lock);                                    \
    errno = error;                                                  \
    return fd;                                                      \
  }
OPEN(open)
OPEN(open64)

// Does the call and, when it succeeded, what records it: one after the other for all threads.
#define LOGGED(type, call, condition, noted) \
  pthread_mutex_lock(&lock);                 \
  type result = (call);                      \
  int error = errno;                         \
  if (condition) noted;                      \
  pthread_mutex_unlock(&lock);               \
  errno = error;                             \
  return result;

static void note_write(int fd, uint64_t offset, const void* bytes, size_t size) {
  char path[4096];
  if (path_of(fd, path, sizeof path)) record(kWrite, inode_of(fd), offset, path, bytes, size);
}

#define PWRITE(name)                                                                     \
  ssize_t name(int fd, const void* bytes, size_t size, off_t at) {                       \
    ssize_t (*real)(int, const void*, size_t, off_t) = next(#name);                      \
    LOGGED(ssize_t, real(fd, bytes, size, at), result > 0, note_write(fd, (uint64_t)at, bytes, (size_t)result)) \
  }
PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t write(int fd, const void* bytes, size_t size) {
  ssize_t (*real)(int, const void*, size_t) = next("write");
  LOGGED(ssize_t, real(fd, bytes, size), result > 0,
         note_write(fd, (uint64_t)lseek(fd, 0, SEEK_CUR) - (uint64_t)result, bytes, (size_t)result))
}

static void note_truncate(int fd, uint64_t size) {
  char path[4096];
  if (path_of(fd, path, sizeof path)) record(kTruncate, inode_of(fd), size, path, "", 0);
}

#define TRUNCATE(name)                                                             \
  int name(int fd, off_t size) {                                                   \
    int (*real)(int, off_t) = next(#name);                                         \
    LOGGED(int, real(fd, size), result == 0, note_truncate(fd, (uint64_t)size))    \
  }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

static void note_sync(int fd) {
  char path[4096];
  struct stat info;
  if (!path_of(fd, path, sizeof path) || fstat(fd, &info) != 0) return;
  record(S_ISDIR(info.st_mode) ? kSyncFolder : kSync, info.st_ino, 0, path, "", 0);
}

#define SYNC(name)                                        \
  int name(int fd) {                                      \
    int (*real)(int) = next(#name);                       \
    LOGGED(int, real(fd), result == 0, note_sync(fd))     \
  }
SYNC(fsync)
SYNC(fdatasync)

int rename(const char* from, const char* to) {
  int (*real)(const char*, const char*) = next("rename");
  LOGGED(int, real(from, to), result == 0 && is_below(to), record(kRename, 0, 0, from, to, strlen(to)))
}

int link(const char* from, const char* to) {
  int (*real)(const char*, const char*) = next("link");
  LOGGED(int, real(from, to), result == 0 && is_below(to), record(kLink, 0, 0, from, to, strlen(to)))
}

int unlink(const char* path) {
  int (*real)(const char*) = next("unlink");
  LOGGED(int, real(path), result == 0 && is_below(path), record(kUnlink, 0, 0, path, "", 0))
}

int mkdir(const char* path, mode_t mode) {
  int (*real)(const char*, mode_t) = next("mkdir");
  LOGGED(int, real(path, mode), result == 0 && is_below(path), record(kMkdir, 0, 0, path, "", 0))
}

int rmdir(const char* path) {
  int (*real)(const char*) = next("rmdir");
  LOGGED(int, real(path), result == 0 && is_below(path), record(kRmdir, 0, 0, path, "", 0))
}

// renameat2(2) has no wrapper in older C libraries.
long syscall(long number, ...) {
  static long (*real)(long, ...);
  if (!real) real = next("syscall");
  long a[6];
  va_list args;
  va_start(args, number);
  for (int i = 0; i < 6; ++i) a[i] = va_arg(args, long);
  va_end(args);
  if (number != SYS_renameat2) return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  const char* to = (const char*)a[3];
  LOGGED(long, real(number, a[0], a[1], a[2], a[3], a[4], a[5]), result == 0 && is_below(to),
         record(kRename, 0, 0, (const char*)a[1], to, strlen(to)))
}
