"""The raw numbers as files: results.json (machine, every run, medians) and results.csv (one line
for each value that was measured), for whoever wants to do their own statistics.
"""

import csv
import json

from . import catalog

_NOT_VALUES = ("workload", "system", "version", "workers", "scale", "round", "note")


def _summary(row):
    return {
        "name": row.name,
        "workers": row.workers,
        "metric": row.metric.key,
        "unit": row.metric.unit,
        "weft_first": row.is_first(),
        "systems": {
            system: {"median": c.median, "min": c.low, "max": c.high, "ratio": row.ratio(system)}
            for system, c in row.cells.items()
        },
        "failures": row.failures,
    }


def write(directory, about, runs, micro_runs, rows, micro_rows):
    document = {
        "machine": about,
        "summary": [_summary(row) for row in rows],
        "micro_summary": [_summary(row) for row in micro_rows],
        "runs": runs,
        "micro_runs": [
            {"system": system, "round": number, "ns_per_op": values}
            for system, number, values in micro_runs
        ],
    }
    with open(directory / "results.json", "w", encoding="utf-8") as out:
        json.dump(document, out, indent=1)
        out.write("\n")
    with open(directory / "results.csv", "w", encoding="utf-8", newline="") as out:
        lines = csv.writer(out)
        columns = ["workload", "workers", "system", "scale", "round"]
        lines.writerow(columns + ["metric", "value"])
        for run in runs:
            place = [run[column] for column in columns]
            for key, value in run.items():
                if key not in _NOT_VALUES:
                    lines.writerow(place + [key, value])
        for system, number, values in micro_runs:
            for name, value in values.items():
                place = [f"{catalog.MICRO}/{name}", 1, system, 1, number]
                lines.writerow(place + ["ns_per_op", value])
