// failing_calls: for LD_PRELOAD. Counts the calls that $FAIL_CALLS names (open create read write copy clone truncate sync
// rename link unlink rmdir mkdir chmod chown lock) on files below $FAIL_ROOT (whose names end in $FAIL_NAME_END),
// in all threads together, and lets the $FAIL_AT-th (-K: from the K-th on, all) end as $FAIL_WITH says:
// an errno, or 0: the process is killed before the call. Each counted call is a line "NAME PATH" in $FAIL_LOG.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *root, *name_end, *calls;
static int log_fd = -1;
static long at, count;
static int with;

static void* next(const char* name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
  root = getenv("FAIL_ROOT");
  name_end = getenv("FAIL_NAME_END");
  calls = getenv("FAIL_CALLS");
  const char* path = getenv("FAIL_LOG");
  if (!root || !calls || !path) return;
  at = atol(getenv("FAIL_AT"));
  with = atoi(getenv("FAIL_WITH"));
  log_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

// The path of `name` relative to the folder `fd`; of `fd` itself where name is 0. 0: it is not below the root.
static int resolve(int fd, const char* name, char* path, size_t size) {
  if (log_fd < 0) return 0;
  path[0] = 0;
  if ((!name || name[0] != '/') && fd != AT_FDCWD) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, size - 1);
    if (n < 0) return 0;
    path[n] = 0;
  }
  if (name) {
    size_t used = strlen(path);
    snprintf(path + used, size - used, "%s%s", used ? "/" : "", name);
  }
  const size_t length = strlen(path), wanted = name_end ? strlen(name_end) : 0;
  return strncmp(path, root, strlen(root)) == 0 && length >= wanted && strcmp(path + length - wanted, name_end ? name_end : "") == 0;
}

static int is_counted(const char* call) {
  const size_t size = strlen(call);
  for (const char* at_word = calls; at_word && log_fd >= 0; at_word = strchr(at_word, ' ')) {
    at_word += *at_word == ' ';
    if (strncmp(at_word, call, size) == 0 && (at_word[size] == ' ' || at_word[size] == 0)) return 1;
  }
  return 0;
}

// Whether this call is the one that fails; errno is set then.
static int fails(const char* call, int fd, const char* name) {
  char path[8192], line[8300];
  int error = errno;
  if (!is_counted(call) || !resolve(fd, name, path, sizeof path)) {
    errno = error;
    return 0;
  }
  pthread_mutex_lock(&lock);
  const int hit = ++count == at || (at < 0 && count >= -at);
  int n = snprintf(line, sizeof line, "%s %s\n", call, path);
  if (syscall(SYS_write, log_fd, line, (size_t)n) != n) abort();
  if (hit && with == 0) kill(getpid(), SIGKILL);
  pthread_mutex_unlock(&lock);
  errno = hit ? with : error;
  return hit;
}

#define OPEN(name)                                              \
  int name(const char* path, int flags, ...) {                  \
    va_list args;                                               \
    va_start(args, flags);                                      \
    mode_t mode = va_arg(args, mode_t);                         \
    va_end(args);                                               \
    int (*real)(const char*, int, ...) = next(#name);           \
    const char* call = flags & O_CREAT ? "create" : "open";     \
    return fails(call, AT_FDCWD, path) ? -1 : real(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                            \
  int name(int fd, const char* path, int flags, ...) {          \
    va_list args;                                               \
    va_start(args, flags);                                      \
    mode_t mode = va_arg(args, mode_t);                         \
    va_end(args);                                               \
    int (*real)(int, const char*, int, ...) = next(#name);      \
    const char* call = flags & O_CREAT ? "create" : "open";     \
    return fails(call, fd, path) ? -1 : real(fd, path, flags, mode); \
  }
OPENAT(openat)
OPENAT(openat64)

// A call on a descriptor (path 0) or on a path in the folder fd.
#define CALL(type, name, shown, fd, path, declared, passed) \
  type name declared {                                      \
    type(*real) declared = next(#name);                     \
    return fails(shown, fd, path) ? (type)-1 : real passed; \
  }
CALL(ssize_t, read, "read", fd, 0, (int fd, void* bytes, size_t size), (fd, bytes, size))
CALL(ssize_t, pread, "read", fd, 0, (int fd, void* bytes, size_t size, off_t from), (fd, bytes, size, from))
CALL(ssize_t, pread64, "read", fd, 0, (int fd, void* bytes, size_t size, off_t from), (fd, bytes, size, from))
CALL(ssize_t, write, "write", fd, 0, (int fd, const void* bytes, size_t size), (fd, bytes, size))
CALL(ssize_t, pwrite, "write", fd, 0, (int fd, const void* bytes, size_t size, off_t to), (fd, bytes, size, to))
CALL(ssize_t, pwrite64, "write", fd, 0, (int fd, const void* bytes, size_t size, off_t to), (fd, bytes, size, to))
CALL(ssize_t, copy_file_range, "copy", to, 0, (int fd, off64_t* from, int to, off64_t* at_to, size_t size, unsigned flags), (fd, from, to, at_to, size, flags))
CALL(int, ftruncate, "truncate", fd, 0, (int fd, off_t size), (fd, size))
CALL(int, ftruncate64, "truncate", fd, 0, (int fd, off_t size), (fd, size))
CALL(int, fchmod, "chmod", fd, 0, (int fd, mode_t mode), (fd, mode))
CALL(int, fchown, "chown", fd, 0, (int fd, uid_t owner, gid_t group), (fd, owner, group))
CALL(int, flock, "lock", fd, 0, (int fd, int operation), (fd, operation))
CALL(int, fsync, "sync", fd, 0, (int fd), (fd))
CALL(int, fdatasync, "sync", fd, 0, (int fd), (fd))
CALL(int, rename, "rename", AT_FDCWD, path, (const char* path, const char* to), (path, to))
CALL(int, link, "link", AT_FDCWD, path, (const char* path, const char* to), (path, to))
CALL(int, unlink, "unlink", AT_FDCWD, path, (const char* path), (path))
CALL(int, unlinkat, "unlink", fd, path, (int fd, const char* path, int flags), (fd, path, flags))
CALL(int, rmdir, "rmdir", AT_FDCWD, path, (const char* path), (path))
CALL(int, mkdir, "mkdir", AT_FDCWD, path, (const char* path, mode_t mode), (path, mode))
CALL(int, mkdirat, "mkdir", fd, path, (int fd, const char* path, mode_t mode), (fd, path, mode))

int ioctl(int fd, unsigned long request, ...) {
  va_list args;
  va_start(args, request);
  void* argument = va_arg(args, void*);
  va_end(args);
  int (*real)(int, unsigned long, ...) = next("ioctl");
  return request == FICLONE && fails("clone", fd, 0) ? -1 : real(fd, request, argument);
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
  if (number == SYS_renameat2 && fails("rename", AT_FDCWD, (const char*)a[1])) return -1;
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
