// Runs a step to which one system call answers with an error, as another kernel, a sandbox or a
// broken file system would.
//
// Threads: the filter (seccomp) holds for a thread of its own that ends with the step.
#pragma once
#include <cerrno>
#include <future>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace test {

// False when this system lets nobody filter system calls.
inline bool fail_call_in_this_thread(unsigned call, unsigned error) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter = {sizeof program / sizeof program[0], program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0;
}

// True when `step` ran; what it throws is thrown here.
template <class Step>
bool run_with_failing_call(unsigned call, unsigned error, Step&& step) {
  return std::async(std::launch::async,
                    [&] {
                      if (!fail_call_in_this_thread(call, error)) return false;
                      step();
                      return true;
                    })
      .get();
}

template <class Step>
bool run_without_openat2(Step&& step) {
  return run_with_failing_call(SYS_openat2, ENOSYS, step);
}

}  // namespace test
