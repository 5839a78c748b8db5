// A wall clock that jumps: every call that reads it finds another century, 1896 and 2096 in turn. Time that only runs forward
// (CLOCK_MONOTONIC) is left alone, as an administrator's `date -s` leaves it.
#define _GNU_SOURCE
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    static atomic_int looks;
    long result = syscall(SYS_clock_gettime, clock, now);
    if (clock == CLOCK_REALTIME) {
        now->tv_sec = atomic_fetch_add(&looks, 1) % 2 ? 3976214400 : -2335219200;
    }
    return (int)result;
}
