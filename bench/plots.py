#!/usr/bin/env python3
"""Draws what the benchmarks wrote with --json: bench/plots/*.svg.

usage: bench/run plots FILE...      one picture for each kind of rows found
"""

import html
import json
import os
import sys

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 640, 300, 70, 46, 60
COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#a463f2", "#9c6b4e")
PHASES = ("receive", "open", "route", "seal", "send", "rest")
OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "plots")


def text(x, y, words, more=""):
    return f'<text x="{x:.0f}" y="{y:.0f}" {more}>{html.escape(words)}</text>'


def legend(names):
    x, parts = LEFT, []
    for name, colour in zip(names, COLOURS):
        parts.append(f'<rect x="{x}" y="28" width="10" height="10" '
                     f'fill="{colour}"/>')
        parts.append(text(x + 14, 37, name))
        x += 30 + 7 * len(name)
    return parts


def frame(top, unit):
    """The scale at the left, in four steps; what maps a value to a height."""
    def y(value):
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * value / top

    parts = []
    for i in range(5):
        at = y(top * i / 4)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - 10}" '
                     'stroke="#8884"/>')
        parts.append(text(LEFT - 6, at + 4, f"{top * i / 4:,.0f}",
                          'text-anchor="end"'))
    parts.append(text(LEFT - 6, TOP - 8, unit, 'text-anchor="end"'))
    return y, parts


def bars(title, unit, names, groups, note, marks=None):
    """groups: (label, stacks), a stack for each bar: [(name, value)]. marks:
    words above the bar of (group, bar)."""
    top = max(sum(max(v, 0) for _, v in bar)
              for _, stacks in groups for bar in stacks) * 1.05 or 1
    y, parts = frame(top, unit)
    room = (WIDTH - LEFT - 10) / len(groups)
    for g, (label, stacks) in enumerate(groups):
        wide = room * 0.8 / len(stacks)
        for b, bar in enumerate(stacks):
            x, base = LEFT + room * g + room * 0.1 + wide * b, 0.0
            for name, value in bar:
                value = max(value, 0)
                high = y(base) - y(base + value)
                base += value
                parts.append(
                    f'<rect x="{x:.1f}" y="{y(base):.1f}" '
                    f'width="{wide * 0.9:.1f}" height="{high:.1f}" '
                    f'fill="{COLOURS[names.index(name)]}">'
                    f'<title>{html.escape(name)} {value:,.0f}</title></rect>')
            if marks and (g, b) in marks:
                parts.append(text(x + wide * 0.45, y(base) - 3, marks[g, b],
                                  'text-anchor="middle" font-size="9"'))
        parts.append(text(LEFT + room * (g + 0.5), HEIGHT - BOTTOM + 16, label,
                          'text-anchor="middle"'))
    parts += [text(LEFT, 18, title, 'font-weight="bold"'), *legend(names),
              text(LEFT, HEIGHT - 12, note, 'font-size="10"')]
    return ('<svg xmlns="http://www.w3.org/2000/svg" '
            f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            'font-size="12" fill="#777">\n' + "\n".join(parts) +
            "\n</svg>\n")


def by_receivers(rows):
    counts = sorted({r["receivers"] for r in rows})
    return [(n, [r for r in rows if r["receivers"] == n]) for n in counts]


def draw_forward(rows, note):
    names = list(dict.fromkeys(r["server"] for r in rows))
    yield "forward", bars(
        "CPU for each forwarded packet", "ns", names,
        [(f"N = {n}", [[(r["server"], r["ns_per_packet"])] for r in some])
         for n, some in by_receivers(rows)], note)
    rows = [r for r in rows if "phases" in r]
    if rows:
        yield "phases", bars(
            "Where it goes (" + ", ".join(names) + ")", "ns", list(PHASES),
            [(f"N = {n}", [list(r["phases"].items()) for r in some])
             for n, some in by_receivers(rows) if n >= 10], note)


def mean(rows, key):
    return sum(r[key] for r in rows) / len(rows)


def draw_peers(rows, note):
    """hearth, which was measured beside each of the others, by its mean."""
    rows = [r for r in rows if not r["error"]]
    names = list(dict.fromkeys(r["server"] for r in rows))
    groups, marks = [], {}
    for n, some in by_receivers(rows):
        stacks = []
        for name in names:
            own = [r for r in some if r["server"] == name]
            if not own:
                continue
            loss = mean(own, "loss")
            behind = mean(own, "behind_ms")
            if loss >= 0.001:
                marks[len(groups), len(stacks)] = f"lost {loss:.1%}"
            elif behind >= 100:
                marks[len(groups), len(stacks)] = f"{behind:,.0f} ms behind"
            stacks.append([(name, mean(own, "ns_per_packet"))])
        groups.append((f"N = {n}", stacks))
    if rows:
        yield "peers", bars("CPU for each packet that a receiver got", "ns",
                            names, groups, note, marks)


def draw_latency(rows, note):
    names = [r["scenario"].removeprefix("latency, ") for r in rows]
    yield "latency", bars(
        "Under way, from send to receive", "µs", names,
        [(p, [[(name, r[key])] for name, r in zip(names, rows)])
         for p, key in (("p50", "p50_us"), ("p99", "p99_us"),
                        ("p99.9", "p999_us"))], note)


def draw_scale(rows, note):
    rows = [r for r in rows if r["scenario"].startswith("memory")]
    if rows:
        yield "memory", bars(
            "Memory of a worker for each", "kB", ["heap"],
            [(r["scenario"].removeprefix("memory, "),
              [[("heap", r["value"])]]) for r in rows], note)


def draw(result):
    rows = result["rows"]
    machine = result["machine"]
    note = (f"{result['date'][:10]}, {machine['cpu']}, {machine['cpus']} "
            f"CPUs, load {machine['load']:.1f}")
    if not rows:
        return
    kind = rows[0]["scenario"].split(",")[0]
    if kind == "forward" and "phases" not in rows[0] and "value" in rows[0]:
        yield from draw_scale(rows, note)
    elif kind == "forward":
        yield from draw_forward(rows, note)
    elif kind == "peers":
        yield from draw_peers(rows, note)
    elif kind == "latency":
        yield from draw_latency(rows, note)


def main(paths):
    if not paths or paths[0] in ("-h", "--help"):
        print(__doc__, file=sys.stdout if paths else sys.stderr)
        return 0 if paths else 2
    os.makedirs(OUT, exist_ok=True)
    for path in paths:
        with open(path, encoding="utf-8") as f:
            result = json.load(f)
        for name, svg in draw(result):
            with open(os.path.join(OUT, name + ".svg"), "w",
                      encoding="utf-8") as f:
                f.write(svg)
            print(f"plots/{name}.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
