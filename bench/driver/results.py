"""Medians, spreads and ratios of what the programs printed: one Row for each workload, number of
workers and metric, in the order of the catalog; one more list of rows for the micro-benchmarks.
"""

import statistics
from dataclasses import dataclass, field

from . import catalog


@dataclass(frozen=True)
class Cell:
    median: float
    low: float
    high: float
    note: str = ""  # why the value is not to be compared


@dataclass
class Row:
    name: str  # w03_ping_pong, or the name of a micro-benchmark
    title: str
    workers: int
    metric: catalog.Metric
    cells: dict = field(default_factory=dict)  # system -> Cell
    failures: dict = field(default_factory=dict)  # system -> text

    def ratio(self, system):
        """How many times weft's value the system's is; None when either is missing or zero."""
        ours, theirs = self.cells.get(catalog.WEFT), self.cells.get(system)
        if ours is None or theirs is None or theirs.note or not ours.median:
            return None
        return theirs.median / ours.median

    def is_first(self):
        """Whether weft is at least as good as every peer; None if there is nothing to compare."""
        if not self.metric.compared:
            return None
        if catalog.WEFT in self.failures:
            return False
        ratios = [self.ratio(s) for s in self.cells if s not in (catalog.WEFT, catalog.FLOOR)]
        ratios = [r for r in ratios if r is not None]
        return all(r >= 1 for r in ratios) if ratios else None


def _cell(values, note=""):
    return Cell(statistics.median(values), min(values), max(values), note)


def workload_rows(groups, runs, failures):
    rows = []
    for workload, workers, _ in groups:
        for metric in workload.metrics:
            row = Row(workload.name, workload.title, workers, metric)
            for system in catalog.SYSTEMS:
                # The floor has one worker and stands in every row.
                count = 1 if system == catalog.FLOOR else workers
                wanted = (workload.name, count, system)
                own = [r for r in runs if (r["workload"], r["workers"], r["system"]) == wanted]
                values = [run[metric.key] for run in own if metric.key in run]
                notes = [run["note"] for run in own if "note" in run]
                if values:
                    row.cells[system] = _cell(values, notes[0] if notes else "")
                elif notes:
                    row.failures[system] = notes[0]
                failed = failures.get(wanted)
                if failed:
                    row.cells.pop(system, None)
                    row.failures[system] = failed
            rows.append(row)
    return rows


def micro_rows(runs, failures):
    names = []
    for _, _, values in runs:
        names += [name for name in values if name not in names]
    rows = []
    for name in names:
        row = Row(name, name, 1, catalog.Metric("ns_per_op", "ns", "per operation"))
        for system in catalog.SYSTEMS:
            values = [v[name] for s, _, v in runs if s == system and name in v]
            if values:
                row.cells[system] = _cell(values)
        row.failures = {s: text for s, text in failures.items() if s not in row.cells}
        rows.append(row)
    return rows


def systems_in(rows):
    return [s for s in catalog.SYSTEMS if any(s in r.cells or s in r.failures for r in rows)]


def remarks(rows):
    """Why a cell is empty or not compared, each once."""
    seen = []
    for row in rows:
        for system in catalog.SYSTEMS:
            cell = row.cells.get(system)
            text = row.failures.get(system) or (cell.note if cell else "")
            if text:
                remark = f"{row.title} w={row.workers} {catalog.TITLES[system]}: {text}"
                if remark not in seen:
                    seen.append(remark)
    return seen
