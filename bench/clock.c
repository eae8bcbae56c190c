/* The clock of processes that are started with this library before all others (LD_PRELOAD): ahead of the machine's
   by as many seconds as the file PENDLER_CLOCK says, read anew each time. What measures how long something takes
   (CLOCK_MONOTONIC) is left alone, as a step of the real clock leaves it. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static const volatile long none, *ahead;

static long seconds(void) {
  if (!ahead) {
    const char *path = getenv("PENDLER_CLOCK");
    int file = path ? open(path, O_RDONLY) : -1;
    void *there = file >= 0 ? mmap(NULL, sizeof *ahead, PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;
    ahead = there == MAP_FAILED ? &none : there;
  }
  return *ahead;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int answer = real(clock, now);
  if (clock == CLOCK_REALTIME) now->tv_sec += seconds();
  return answer;
}
