"""The tables of a run as plain text: medians with their spread, then what each peer needs of
what weft needs.
"""

from . import catalog, results


def number(value):
    """Three significant digits, no exponent."""
    if value == 0:
        return "0"
    magnitude = abs(value)
    if magnitude >= 100:
        return f"{value:.0f}"
    if magnitude >= 10:
        return f"{value:.1f}"
    if magnitude >= 1:
        return f"{value:.2f}"
    return f"{value:.3g}" if magnitude >= 0.001 else f"{value:.1g}"


def cell_text(row, system):
    cell = row.cells.get(system)
    if cell is None:
        return "fails*" if system in row.failures else "-"
    mark = "*" if cell.note else ""
    if cell.low == cell.high:
        return number(cell.median) + mark
    return f"{number(cell.median)}{mark} ({number(cell.low)}..{number(cell.high)})"


def ratio_text(row, system):
    ratio = row.ratio(system)
    return "-" if ratio is None else f"{number(ratio)}x"


def verdict(row):
    first = row.is_first()
    if first is None:
        return ""
    return "first" if first else "NOT FIRST"


def _lines(header, body):
    widths = [max(len(line[i]) for line in [header] + body) for i in range(len(header))]
    for line in [header] + body:
        cells = [line[0].ljust(widths[0])]
        cells += [text.rjust(width) for text, width in zip(line[1:], widths[1:])]
        yield "  ".join(cells).rstrip()


def _label(row, micro):
    if micro:
        return row.title
    return f"{row.title} w={row.workers}, {row.metric.unit} {row.metric.what}"


def render(rows, heading, micro=False):
    """Both tables of a list of rows, as text."""
    systems = results.systems_in(rows)
    out = [heading, "", "Median (min..max); smaller is better. Floor: no runtime, one thread."]
    header = [""] + [catalog.TITLES[s] for s in systems]
    body = [[_label(row, micro)] + [cell_text(row, s) for s in systems] for row in rows]
    out += list(_lines(header, body))
    remarks = results.remarks(rows)
    out += [f"  * {text}" for text in remarks]
    if catalog.WEFT in systems and len(systems) > 1:
        peers = [s for s in systems if s != catalog.WEFT]
        out += ["", "What a system needs of what weft needs; above 1x, weft is better."]
        header = [""] + [catalog.TITLES[s] for s in peers] + [""]
        body = [
            [_label(row, micro)] + [ratio_text(row, s) for s in peers] + [verdict(row)]
            for row in rows
        ]
        out += list(_lines(header, body))
        judged = [row for row in rows if row.is_first() is not None]
        ahead = sum(row.is_first() for row in judged)
        if judged:
            out += ["", f"weft is first in {ahead} of {len(judged)} compared rows."]
    return "\n".join(out) + "\n"
