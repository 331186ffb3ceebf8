// For LD_PRELOAD: the time of day is later by what the file $LEAP_FILE says, 8 bytes of seconds, which all processes share. Who
// sleeps with ppoll and a mask of signals, as the agent does, and has no children, does not sleep: the time goes on by as much, but
// with $LEAP_STILL. Clocks that only measure stay right.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile long long* leap(void) {
  static volatile long long* shared;
  if (shared) return shared;
  const char* path = getenv("LEAP_FILE");
  const int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  static long long none;
  if (file < 0) return &none;
  void* place = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  shared = place == MAP_FAILED ? &none : place;
  return shared;
}

int clock_gettime(clockid_t clock, struct timespec* out) {
  static int (*real)(clockid_t, struct timespec*);
  if (!real) real = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
  const int result = real(clock, out);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) out->tv_sec += *leap();
  return result;
}

int gettimeofday(struct timeval* restrict out, void* restrict zone) {
  (void)zone;
  struct timespec now;
  const int result = clock_gettime(CLOCK_REALTIME, &now);
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return result;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}

int ppoll(struct pollfd* files, nfds_t count, const struct timespec* timeout, const sigset_t* mask) {
  static int (*real)(struct pollfd*, nfds_t, const struct timespec*, const sigset_t*);
  if (!real) real = (int (*)(struct pollfd*, nfds_t, const struct timespec*, const sigset_t*))dlsym(RTLD_NEXT, "ppoll");
  if (!mask || !timeout || getenv("LEAP_STILL")) return real(files, count, timeout, mask);
  const struct timespec little = {0, 1000000};
  const int result = real(files, count, &little, mask);
  siginfo_t child;
  const int has_children = waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0;
  if (result == 0 && !has_children) *leap() += timeout->tv_sec + (timeout->tv_nsec ? 1 : 0);
  return result;
}
