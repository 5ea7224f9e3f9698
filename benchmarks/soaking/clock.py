"""A clock that is wrong, or jumps, for one program and all that it starts.

A small library that is loaded before libc's own answers for the time of day; the times of files stay right,
as where the clock of a computer was set anew, or a server has another one than its clients.
"""

import subprocess
from pathlib import Path

KINDS = "clock ahead", "clock behind", "clock jumps"
DAY = 86400  # s

_SOURCE = """
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long off(void) {
    const char *kind = getenv("SOAK_CLOCK");
    struct timespec now;
    if (!kind) return 0;
    if (!strcmp(kind, "clock ahead")) return DAY;
    if (!strcmp(kind, "clock behind")) return -DAY;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return ((now.tv_sec * 5 + now.tv_nsec / 200000000) % 3 - 1) * DAY;  /* another one five times a second */
}
int clock_gettime(clockid_t clock, struct timespec *at) {
    int failed = syscall(SYS_clock_gettime, clock, at);
    if (!failed && clock == CLOCK_REALTIME) at->tv_sec += off();
    return failed;
}
time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""


def library(folder: Path) -> Path:
    """Compile the library; return its path."""
    made = folder / "clock.so"
    command = ["cc", f"-DDAY={DAY}L", "-O1", "-shared", "-fPIC", "-x", "c", "-o", str(made), "-"]
    subprocess.run(command, input=_SOURCE, text=True, check=True)
    return made


def prefix(library: Path, kind: str) -> list[str]:
    """Return what to write before a command whose clock is to be of a kind."""
    return ["env", f"LD_PRELOAD={library}", f"SOAK_CLOCK={kind}"] if kind in KINDS else []
