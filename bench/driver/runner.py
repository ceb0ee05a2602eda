"""Runs benchmark programs one at a time: interleaved rounds, a limit on the time of each, progress
while it goes. What hangs, fails or has nothing to show once is named and not run again.
"""

import json
import re
import shutil
import subprocess
import sys
import time

from . import catalog, memory


class Progress:
    """On a terminal one line that is rewritten; else a line for each run."""

    def __init__(self, total):
        self.total = total
        self.done = 0
        self.tty = sys.stderr.isatty()
        self.start = time.monotonic()

    def _clear(self):
        if self.tty:
            sys.stderr.write("\r\033[K")

    def starting(self, what):
        if not self.tty:
            return
        left = ""
        if self.done:
            seconds = (time.monotonic() - self.start) / self.done * (self.total - self.done)
            left = f", about {seconds:.0f} s left"
        width = shutil.get_terminal_size().columns - 1
        self._clear()
        sys.stderr.write(f"[{self.done + 1}/{self.total}{left}] {what}"[:width])
        sys.stderr.flush()

    def finished(self, what, outcome):
        self.done += 1
        if not self.tty:
            sys.stderr.write(f"[{self.done}/{self.total}] {what}: {outcome}\n")

    def skipped(self, runs):
        self.total -= runs

    def say(self, text):
        self._clear()
        sys.stderr.write(text + "\n")

    def end(self):
        self._clear()


class Failure(Exception):
    """A program that hung, crashed or gave a wrong answer; the text says which."""


def execute(command, timeout):
    """Runs one program and returns what it printed."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        raise Failure(f"hung: killed after {timeout:g} s") from None
    except OSError as error:
        raise Failure(f"does not start: {error.strerror}") from None
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines()
        reason = lines[-1] if lines else "no message"
        how = f"exit {done.returncode}" if done.returncode > 0 else f"signal {-done.returncode}"
        raise Failure(f"failed ({how}): {reason}")
    return done.stdout


def plan(workloads, systems, workers, binaries, say):
    """The (workload, workers, [system...]) groups there are programs for."""
    groups = []
    missing = set()
    for workload in workloads:
        counts = workload.workers if workers is None else workers
        if workload.only_one_worker:
            counts = [1] if 1 in counts else []
            if not counts:
                say(f"{workload.title}: defined for 1 worker only, skipped")
        for position, count in enumerate(counts):
            present = []
            for system in systems:
                if system == catalog.FLOOR and position > 0:
                    continue
                if not catalog.has_program(workload.name, system):
                    continue
                if (binaries / f"{workload.program}.{system}").is_file():
                    present.append(system)
                else:
                    missing.add((system, workload.name))
            if present:
                groups.append((workload, count, present))
    for system in systems:
        names = sorted(name for s, name in missing if s == system)
        if names:
            what = "everywhere" if len(names) == len(workloads) else ", ".join(names)
            say(f"{catalog.TITLES[system]}: not built, skipped ({what})")
    return groups


def run_workloads(groups, binaries, rounds, scale_of, timeout, progress):
    """Runs every group for all its rounds before the next one, systems in turn within a round, so
    that the numbers which are compared are close in time. Returns (runs, failures)."""
    runs, failures, cannot = [], {}, set()
    for workload, workers, systems in groups:
        for number in range(1, rounds + 1):
            for system in systems:
                # The floor programs are single-threaded whatever the row.
                count = 1 if system == catalog.FLOOR else workers
                key = (workload.name, count, system)
                if key in failures or key in cannot:
                    continue
                what = f"{workload.name} {catalog.TITLES[system]} w={count} round {number}/{rounds}"
                progress.starting(what)
                program = str(binaries / f"{workload.program}.{system}")
                command = [program, "--workers", str(count), "--scale", f"{scale_of(workload):g}"]
                if workload.case:
                    command += ["--case", workload.case]
                memory.commit_and_free(workload.memory_gb * 1e9 * scale_of(workload))
                try:
                    line = json.loads(execute(command, timeout))
                except Failure as failure:
                    failures[key] = str(failure)
                except ValueError:
                    failures[key] = "failed: printed no line of JSON"
                else:
                    line["round"] = number
                    runs.append(line)
                    metric = workload.metrics[0]
                    value = line.get(metric.key)
                    outcome = line.get("note", "?") if value is None else f"{value:g} {metric.unit}"
                    progress.finished(what, outcome)
                    if not any(metric.key in line for metric in workload.metrics):
                        cannot.add(key)  # and says why in its note
                        progress.skipped(rounds - number)
                if key in failures:
                    progress.finished(what, failures[key])
                    progress.skipped(rounds - number)
                    if progress.tty:
                        progress.say(f"{what}: {failures[key]}")
    return runs, failures


def _micro_weft(program, seconds, timeout):
    out = execute(
        [program, "--benchmark_format=json", f"--benchmark_min_time={seconds:g}"], timeout
    )
    values = {}
    for entry in json.loads(out)["benchmarks"]:
        name = entry["name"].removesuffix("/real_time")
        if entry.get("error_occurred"):
            raise Failure(f"failed: {name}: {entry['error_message']}")
        values[name] = entry["real_time"]
    return values


def _micro_go(program, seconds, timeout):
    out = execute(
        [program, "-test.run=NONE", "-test.bench=.", "-test.cpu=1"]
        + [f"-test.benchtime={seconds:g}s"],
        timeout,
    )
    found = re.findall(r"^Benchmark(\S+)\s+\d+\s+([\d.]+) ns/op", out, re.MULTILINE)
    return {name: float(value) for name, value in found}


MICRO_RUNNERS = {catalog.WEFT: _micro_weft, "go": _micro_go}


def micro_systems(systems, binaries, say):
    present = []
    for system in systems:
        if system not in MICRO_RUNNERS:
            continue
        if (binaries / f"micro.{system}").is_file():
            present.append(system)
        else:
            say(f"{catalog.TITLES[system]}: micro-benchmarks not built, skipped")
    return present


def run_micro(systems, binaries, rounds, seconds, timeout, progress):
    """Returns ([(system, round, {name: ns})], failures)."""
    runs, failures = [], {}
    for number in range(1, rounds + 1):
        for system in systems:
            if system in failures:
                continue
            what = f"micro {catalog.TITLES[system]} round {number}/{rounds}"
            progress.starting(what)
            try:
                program = str(binaries / f"micro.{system}")
                values = MICRO_RUNNERS[system](program, seconds, timeout)
                runs.append((system, number, values))
                progress.finished(what, f"{len(values)} benchmarks")
            except (Failure, ValueError) as failure:
                failures[system] = str(failure)
                progress.finished(what, failures[system])
                progress.skipped(rounds - number)
                if progress.tty:
                    progress.say(f"{what}: {failures[system]}")
    return runs, failures
