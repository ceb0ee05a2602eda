"""What a measurement has to say about where it was made: processor, kernel, compiler, versions."""

import datetime
import json
import os
import platform
import shlex
import sys


def _first_value(path, field):
    try:
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                if line.startswith(field):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "unknown"


def describe(binaries, runs):
    """An ordered dict of text; build.json is what CMake leaves beside the programs."""
    try:
        build = json.loads((binaries / "build.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        build = {"compiler": "unknown", "build type": "unknown"}
    versions = {}
    for run in runs:
        versions[run["system"]] = run["version"]
    about = {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "command": shlex.join(["bench/run.py"] + sys.argv[1:]),
        "processor": _first_value("/proc/cpuinfo", "model name"),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": _first_value("/proc/meminfo", "MemTotal"),
        "kernel": f"{platform.system()} {platform.release()}",
    }
    about.update(build)
    about["versions"] = ", ".join(f"{s} {v}" for s, v in sorted(versions.items()) if s != "limit")
    return about
