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

// `action`: SECCOMP_RET_…. False when this system lets nobody filter system calls.
inline bool answer_call_in_this_thread(unsigned call, unsigned action) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter = {sizeof program / sizeof program[0], program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0;
}

inline bool fail_call_in_this_thread(unsigned call, unsigned error) {
  return answer_call_in_this_thread(call, SECCOMP_RET_ERRNO | error);
}

// Whether calls can be made to fail here; a test that cannot do without says so, and passes.
inline bool can_fail_calls() {
  return std::async(std::launch::async, [] { return fail_call_in_this_thread(SYS_swapoff, EPERM); })
      .get();
}

// The process ends at the call, as if it were killed.
inline bool die_at_call_in_this_thread(unsigned call) {
  return answer_call_in_this_thread(call, SECCOMP_RET_KILL_PROCESS);
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
