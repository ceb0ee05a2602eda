"""The report as one HTML file without outside references: the tables, and one bar chart for each
workload and compared value, drawn by gnuplot as SVG and put into the page. Without gnuplot the
page has the tables only.
"""

import html
import shutil
import subprocess

from . import catalog, results, table

_COLOURS = {
    catalog.WEFT: "0xd1495b",
    "go": "0x00798c",
    "boost_fiber": "0xedae49",
    "tbb": "0x66a182",
    catalog.FLOOR: "0x9aa0a6",
}

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 78rem; margin: 2rem auto; padding: 0 1rem;
       color: #222; background: #fff; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child { text-align: left; }
tr.behind td:first-child { border-left: 4px solid #d1495b; }
tr.ahead td:first-child { border-left: 4px solid #66a182; }
tr.other td:first-child { border-left: 4px solid transparent; }
.spread { color: #777; font-size: .85em; } .ratio { color: #00596b; font-size: .9em; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; } figure { margin: 0; width: 37rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; } dt { color: #777; }
dd { margin: 0; overflow-wrap: anywhere; } .notice { background: #fff4d6; padding: .5rem .8rem; }
"""


def _quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _chart_script(rows, identifier):
    """gnuplot input for the rows of one workload and metric: a group of bars for each w."""
    data, ticks, position = [], [], 0
    for row in rows:
        for system in catalog.SYSTEMS:
            cell = row.cells.get(system)
            if cell is None:
                continue
            data.append(
                f"{position} {cell.median} {cell.low} {cell.high} {_COLOURS[system]} "
                f"{_quoted(table.number(cell.median))}"
            )
            workers = 1 if system == catalog.FLOOR else row.workers
            ticks.append(f"{_quoted(catalog.TITLES[system] + chr(10) + f'w={workers}')} {position}")
            position += 1
        position += 0.6
    metric = rows[0].metric
    top = max(c.high for row in rows for c in row.cells.values())
    tick_list = ", ".join(ticks).replace("\n", "\\n")
    return "\n".join(
        [
            f"set terminal svg size 600,320 dynamic name {_quoted(identifier)} "
            "font 'sans-serif,11'",
            "$bars << END",
            *data,
            "END",
            f"set title {_quoted(f'{rows[0].title}: {metric.unit} {metric.what}')} noenhanced",
            "set boxwidth 0.8",
            "set style fill solid noborder",
            "set border 3",
            "set bmargin 3.5",
            "set grid y lt 1 lc rgb '#dddddd'",
            "set xtics nomirror",
            "set ytics nomirror",
            f"set xtics ({tick_list})",
            f"set xrange [-0.7:{position - 0.9}]",
            f"set yrange [0:{top * 1.15 or 1}]",
            "unset key",
            "plot $bars using 1:2:5 with boxes lc rgb variable, "
            "$bars using 1:3:(0):($4-$3) with vectors nohead lc rgb '#333333' lw 2, "
            "$bars using 1:4:6 with labels offset 0,0.7 noenhanced",
            "",
        ]
    )


def _charts(rows):
    grouped = {}
    for row in rows:
        if row.metric.compared and row.cells:
            grouped.setdefault((row.name, row.metric.key), []).append(row)
    for (name, key), group in grouped.items():
        drawn = subprocess.run(
            ["gnuplot"],
            input=_chart_script(group, f"{name}_{key}_".replace(".", "_")),
            capture_output=True,
            text=True,
            check=False,
        )
        start = drawn.stdout.find("<svg")
        if start >= 0:
            yield f"<figure>{drawn.stdout[start:]}</figure>"


def _html_table(rows, micro):
    systems = results.systems_in(rows)
    with_ratio = catalog.WEFT in systems
    out = ["<table><tr><th></th>"]
    out += [f"<th>{catalog.TITLES[s]}</th>" for s in systems]
    out.append("</tr>")
    for row in rows:
        kind = {True: "ahead", False: "behind", None: "other"}[row.is_first()]
        label = row.title
        if not micro:
            label += f" w={row.workers}, {row.metric.unit} {row.metric.what}"
        out.append(f'<tr class="{kind}"><td>{html.escape(label)}</td>')
        for system in systems:
            cell = row.cells.get(system)
            if cell is None:
                out.append(f"<td>{table.cell_text(row, system)}</td>")
                continue
            text = table.number(cell.median) + ("*" if cell.note else "")
            if cell.low != cell.high:
                text += (
                    f' <span class="spread">{table.number(cell.low)}..'
                    f"{table.number(cell.high)}</span>"
                )
            if with_ratio and system != catalog.WEFT and row.ratio(system) is not None:
                text += f' <span class="ratio">{table.ratio_text(row, system)}</span>'
            out.append(f"<td>{text}</td>")
        out.append("</tr>")
    out.append("</table>")
    out += [f"<p>* {html.escape(text)}</p>" for text in results.remarks(rows)]
    return "\n".join(out)


def write(path, about, notice, rows, micro_rows):
    """Returns whether charts could be drawn."""
    can_draw = shutil.which("gnuplot") is not None
    out = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8"><title>weft benchmarks</title>',
        f"<style>{_STYLE}</style></head><body>",
        "<h1>weft benchmarks</h1>",
    ]
    if notice:
        out.append(f'<p class="notice">{html.escape(notice)}</p>')
    out.append("<dl>")
    out += [
        f"<dt>{html.escape(key)}</dt><dd>{html.escape(value)}</dd>" for key, value in about.items()
    ]
    out.append("</dl>")
    if rows:
        out += [
            "<h2>Workloads</h2>",
            "<p>Median, spread (min..max) and ratio to weft; smaller values are better, a ratio "
            "above 1 means that weft is better. Red edge: weft is not first in this row; green: it "
            "is. The floor is a program without a runtime on one thread.</p>",
            _html_table(rows, micro=False),
        ]
        if can_draw:
            out += ['<div class="charts">', *_charts(rows), "</div>"]
    if micro_rows:
        out += [
            "<h2>Go's micro-benchmarks, one P, ns per operation</h2>",
            _html_table(micro_rows, micro=True),
        ]
    out.append("</body></html>")
    path.write_text("\n".join(out) + "\n", encoding="utf-8")
    return can_draw
