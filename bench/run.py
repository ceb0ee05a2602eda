#!/usr/bin/env python3
"""Runs the benchmark programs that a build has made, in interleaved rounds, and shows the result:
tables on standard output, report.html, results.json and results.csv in the output directory. It
builds nothing; `bash cmake/bench.sh` does both. Standard library only; gnuplot draws the charts.
"""

import argparse
import os
import pathlib
import sys
import time

sys.dont_write_bytecode = True  # running the driver leaves nothing in the source tree
from driver import catalog, files, machine, page, results, runner, table

ROOT = pathlib.Path(__file__).resolve().parent.parent


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="run.py",
        description=__doc__.split("\n\n")[0],
        epilog="Workloads: " + ", ".join(w.name for w in catalog.WORKLOADS) + ", micro.",
    )
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "build/bench/bench/bin",
                        metavar="DIR", help="where the built programs are (%(default)s)")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/bench",
                        metavar="DIR", help="where the report goes (%(default)s)")
    parser.add_argument("--quick", action="store_true",
                        help="small counts, short time limits: a first table within three minutes")
    parser.add_argument("--only", metavar="NAMES",
                        help="these workloads only, by comma: w03,w04,micro")
    parser.add_argument("--systems", metavar="NAMES",
                        help="these systems only, by comma: " + ",".join(catalog.SYSTEMS))
    parser.add_argument("--workers", metavar="NUMBERS",
                        help="numbers of workers, by comma (default: 1,2 where both make sense)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N",
                        help="runs of each program (%(default)s)")
    parser.add_argument("--scale", type=float, metavar="F",
                        help="multiplies all counts (default: 1, with --quick a tenth)")
    parser.add_argument("--timeout", type=float, metavar="S",
                        help="seconds after which a program counts as hung (60, --quick: 15)")
    parser.add_argument("--check-arguments", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)

    def words(text):
        return [word.strip() for word in text.split(",") if word.strip()]

    if args.rounds < 1:
        parser.error("--rounds: at least 1")
    if args.scale is not None and not 0 < args.scale <= 100:
        parser.error("--scale: above 0, at most 100")
    if args.timeout is not None and args.timeout <= 0:
        parser.error("--timeout: above 0")

    args.workloads, args.micro = list(catalog.WORKLOADS), True
    if args.only is not None:
        args.workloads, args.micro = [], False
        for word in words(args.only):
            found = catalog.find_workloads(word)
            if word == catalog.MICRO:
                args.micro = True
            elif not found:
                parser.error(f"--only: no workload {word!r}; there are "
                             + ", ".join(w.name for w in catalog.WORKLOADS) + ", micro")
            args.workloads += [w for w in found if w not in args.workloads]
        if not args.workloads and not args.micro:
            parser.error("--only: names at least one workload")

    if args.systems is None:
        args.systems = list(catalog.SYSTEMS)
    else:
        unknown = [s for s in words(args.systems) if s not in catalog.SYSTEMS]
        if unknown:
            parser.error(f"--systems: no system {unknown[0]!r}; there are "
                         + ", ".join(catalog.SYSTEMS))
        args.systems = [s for s in catalog.SYSTEMS if s in words(args.systems)]
        if not args.systems:
            parser.error("--systems: names at least one system")

    if args.workers is not None:
        try:
            args.workers = sorted({int(word) for word in words(args.workers)})
        except ValueError:
            parser.error("--workers: numbers by comma, such as 1,2")
        if not args.workers or args.workers[0] < 1:
            parser.error("--workers: numbers from 1")
    if args.timeout is None:
        args.timeout = 15.0 if args.quick else 60.0
    if not args.bin.is_dir() and not args.check_arguments:
        parser.error(f"no directory {args.bin}: build first (bash cmake/bench.sh does it all)")
    return args


def say(text):
    print(text, file=sys.stderr)


def main(argv):
    args = parse(argv)
    if args.check_arguments:
        return 0

    def scale_of(workload):
        if args.scale is not None:
            return args.scale
        return workload.quick_scale if args.quick else 1.0

    notice = ""
    if args.quick:
        notice = ("Quick run: small counts, so start-up weighs more and noise is larger; "
                  "a run without --quick is the one to quote.")
        say(notice)
    elif args.rounds < 3:
        notice = "Fewer than 3 rounds: the medians mean little."
        say(notice)
    load = os.getloadavg()[0]
    if load > 0.7:
        say(f"Note: the machine is not idle (load {load:.1f}).")

    start = time.monotonic()
    groups = runner.plan(args.workloads, args.systems, args.workers, args.bin, say)
    micro = runner.micro_systems(args.systems, args.bin, say) if args.micro else []
    if not groups and not micro:
        say(f"Nothing to run: no matching programs in {args.bin}.")
        return 1
    total = args.rounds * (sum(len(systems) for _, _, systems in groups) + len(micro))
    progress = runner.Progress(total)
    try:
        runs, failures = runner.run_workloads(
            groups, args.bin, args.rounds, scale_of, args.timeout, progress)
        # One micro run is some forty measurements, each of several times its least duration.
        seconds = 0.02 if args.quick else 0.2
        micro_runs, micro_failures = runner.run_micro(
            micro, args.bin, args.rounds, seconds, args.timeout * 4, progress)
    except KeyboardInterrupt:
        progress.end()
        say("Interrupted; nothing was written.")
        return 130
    progress.end()

    rows = results.workload_rows(groups, runs, failures)
    micro_rows = results.micro_rows(micro_runs, micro_failures)
    size = "small counts (--quick)" if args.quick else f"scale {args.scale or 1:g}"
    if rows:
        print(table.render(rows, f"Workloads, {args.rounds} interleaved rounds, {size}"))
    if micro_rows:
        print(table.render(micro_rows, "Go's micro-benchmarks, one P, ns per operation", True))
    for system, text in micro_failures.items():
        print(f"micro {catalog.TITLES[system]}: {text}")

    about = machine.describe(args.bin, runs)
    args.out.mkdir(parents=True, exist_ok=True)
    if not page.write(args.out / "report.html", about, notice, rows, micro_rows):
        say("no gnuplot: the report has no charts")
    files.write(args.out, about, runs, micro_runs, rows, micro_rows)
    say(f"{time.monotonic() - start:.0f} s; report: {args.out / 'report.html'}, raw numbers: "
        f"results.json, results.csv beside it")
    broken = [text for (_, _, system), text in failures.items()
              if system == catalog.WEFT or "wrong answer" in text]
    return 1 if broken or catalog.WEFT in micro_failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
