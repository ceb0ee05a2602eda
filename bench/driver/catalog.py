"""What the benchmark driver knows about the workloads and the systems: names, units, which values
are compared, and how much of each a quick run does. The programs themselves know their parameters.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One value of a program's JSON line. Smaller is better for every metric."""

    key: str
    unit: str
    what: str
    compared: bool = True  # shown but not ranked when False


@dataclass(frozen=True)
class Workload:
    name: str  # folder and program, e.g. w03_ping_pong, and the case if any: w16_hog.spin4
    title: str
    metrics: tuple
    workers: tuple = (1, 2)
    only_one_worker: bool = False
    quick_scale: float = 0.1
    memory_gb: int = 0  # about what the hungriest system commits; see memory.py

    @property
    def code(self):
        return self.name.split("_")[0]

    @property
    def program(self):
        return self.name.partition(".")[0]

    @property
    def case(self):
        return self.name.partition(".")[2]


def _ns(what):
    return (Metric("ns_per_op", "ns", what),)


def _hogs(name, title, alone=False):
    """A case of W16 or W17: a second of warm-up and five measured; a fifth of that when quick."""
    return Workload(
        name,
        title,
        (
            Metric("p50_ms", "ms", "late, median"),
            Metric("p99_ms", "ms", "late, p99"),
            Metric("max_ms", "ms", "late, worst", compared=not alone),
            Metric("cpu_pct", "%", "of a core, all", compared=alone),
            Metric("monitor_pct", "%", "of a core, sysmon", compared=False),
        ),
        workers=(2,),
        quick_scale=0.2,
    )


WORKLOADS = (
    Workload("w01_yield", "W1 yield", _ns("per yield"), workers=(1,), only_one_worker=True),
    Workload("w02_spawn", "W2 spawn", _ns("per fiber")),
    Workload("w03_ping_pong", "W3 ping-pong", _ns("per round trip")),
    Workload("w04_prod_cons", "W4 prod-cons", _ns("per item")),
    Workload("w05_mpmc", "W5 mpmc", _ns("per item")),
    Workload("w06_mutex", "W6 mutex", _ns("per lock and unlock"), quick_scale=1),
    Workload("w07_select", "W7 select", _ns("per receive")),
    Workload(
        "w08_skynet",
        "W8 skynet",
        (Metric("ms", "ms", "time"), Metric("peak_rss_mb", "MB", "peak memory")),
    ),
    Workload(
        "w09_parked",
        "W9 parked",
        (Metric("ms", "ms", "to create"), Metric("bytes_per_fiber", "B", "per fiber")),
        memory_gb=5,
    ),
    Workload(
        "w10_sleep",
        "W10 sleep",
        (
            Metric("cpu_s", "s", "CPU time"),
            Metric("late_us", "us", "mean lateness", compared=False),
        ),
        workers=(2,),
    ),
    Workload("w13_fib", "W13 fib", _ns("per spawn"), quick_scale=0.2),
    Workload(
        "w15_wake",
        "W15 wake",
        (
            Metric("p50_us", "us", "wake-up, median"),
            Metric("p99_us", "us", "wake-up, p99", compared=False),
            Metric("cpu_s", "s", "CPU time", compared=False),
            Metric("idle_cpu_s", "s", "CPU, idle second", compared=False),
        ),
    ),
    _hogs("w16_hog.none", "W16 no hogs", alone=True),
    _hogs("w16_hog.spin4", "W16 4 spin"),
    _hogs("w16_hog.spin32", "W16 32 spin"),
    _hogs("w16_hog.malloc4", "W16 4 malloc"),
    _hogs("w17_block.usleep", "W17 4 in usleep"),
    _hogs("w17_block.blocking", "W17 4 in blocking()"),
)

# In the order in which they run and stand in the tables. The floor is no peer: a program without a
# runtime, always on one thread, that shows what the hardware and the kernel ask for the work.
WEFT = "weft"
FLOOR = "limit"
SYSTEMS = (WEFT, "go", "boost_fiber", "tbb", FLOOR)
TITLES = {
    WEFT: "weft",
    "go": "Go",
    "boost_fiber": "Boost.Fiber",
    "tbb": "oneTBB",
    FLOOR: "floor",
}

# Pairs of workload and system that have no program, and why; bench/README.md says more.
NOT_POSSIBLE = {
    ("w07_select", "boost_fiber"): "no select over channels",
    ("w17_block.blocking", "boost_fiber"): "no way to mark a call that blocks",
}

MICRO = "micro"


def has_program(workload, system):
    """Whether there is a source for this pair, so that a missing binary is worth a word."""
    if system == "tbb":
        return workload in ("w02_spawn", "w13_fib")
    return (workload, system) not in NOT_POSSIBLE


def find_workloads(word):
    """The workloads a user means by w03, W3, w03_ping_pong or ping_pong, or, where there are cases,
    by w16 (all of them), w16.spin4 or spin4."""
    wanted, _, case = word.strip().lower().partition(".")
    found = []
    for workload in WORKLOADS:
        code = workload.code
        names = (workload.program, code, "w" + code[1:].lstrip("0"), workload.program[4:])
        if wanted in names and case in ("", workload.case):
            found.append(workload)
        elif workload.case == wanted and not case:
            found.append(workload)
    return found
