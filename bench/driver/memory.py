"""Memory that the machine really has.

A virtual machine may hand the memory that it does not use back to its host (free page reporting, a
balloon), some two seconds after a process has freed it. The next to commit it waits for the host,
three times as long for each page as for the kernel's own work. Who needs more than the program
before it pays for that, and not for its own doing. So before each run of a workload that is about
committing memory, as much is committed and freed again, whoever's turn it is.
"""

import mmap
import re
import subprocess
import sys

_MADV_NOHUGEPAGE = 15
_MADV_POPULATE_WRITE = 23  # Linux 5.14


def _available_bytes():
    with open("/proc/meminfo") as info:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", info.read(), re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0


def commit_and_free(size):
    """False where the kernel cannot do it, or the machine has not that much to spare. In a process of
    its own: where a cgroup has less than the machine, that is the one which is killed."""
    size = int(size) // mmap.PAGESIZE * mmap.PAGESIZE
    if size <= 0 or size > _available_bytes() * 0.8:
        return False
    done = subprocess.run([sys.executable, __file__, str(size)], stderr=subprocess.DEVNULL)
    return done.returncode == 0


def _commit(size):
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        try:
            memory.madvise(_MADV_NOHUGEPAGE)
        except OSError:
            pass  # a kernel without them
        memory.madvise(_MADV_POPULATE_WRITE)


if __name__ == "__main__":
    _commit(int(sys.argv[1]))
