"""Run one command, and print its wall time, CPU time (seconds) and peak memory (KiB).

Run as ``python -I -S sample.py PROGRAM ARGUMENT…``: a process never has a smaller peak than the one
it was started from, so this one imports next to nothing.
"""

import os
import sys
import time

started = time.perf_counter()
pid = os.posix_spawn(
    sys.argv[1],
    sys.argv[1:],
    os.environ,
    file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
)
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - started
print(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status) != 0)
