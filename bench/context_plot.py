#!/usr/bin/env python3
"""Draws what bench_context measured, as an SVG of two panels:

    bench/context_plot.py REPORT.json [REPORT.json …] -o docs/context.svg

Left decoding, right prefill: milliseconds a token over tokens of context, a line for each report.
"""

import argparse
import json
from pathlib import Path

WIDTH, HEIGHT = 380, 300
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 34, 44
COLOURS = ["#0b6bcb", "#c2410c", "#15803d", "#7c3aed"]


def step_of(most):
    """A round distance of some four lines up to `most`."""
    rough = most / 4
    power = 10 ** len(str(int(rough))) / 10 if rough >= 1 else 0.1
    while rough < power:
        power /= 10
    return next(power * f for f in (1, 2, 5, 10) if power * f >= rough)


def text_of(value):
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:g}"


def panel(at, title, key, reports):
    rows = [row for report in reports for row in report["rows"]]
    most_x = max(row["context"] for row in rows)
    step = step_of(max(row[key] for row in rows))
    most_y = step * -(-max(row[key] for row in rows) // step)

    def place(row):
        x = at + LEFT + (WIDTH - LEFT - RIGHT) * row["context"] / most_x
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * row[key] / most_y
        return x, y

    out = [f'<text x="{at + LEFT}" y="18" font-weight="bold">{title}</text>']
    for i in range(round(most_y / step) + 1):
        _, y = place({"context": 0, key: i * step})
        out.append(
            f'<line x1="{at + LEFT}" y1="{y:.1f}" x2="{at + WIDTH - RIGHT}" y2="{y:.1f}" '
            f'stroke="#ddd"/><text x="{at + LEFT - 6}" y="{y + 4:.1f}" '
            f'text-anchor="end">{text_of(i * step)}</text>'
        )
    for i in range(5):
        context = most_x * i // 4
        x, _ = place({"context": context, key: 0})
        out.append(
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{context:,}</text>'
        )
    out.append(
        f'<text x="{at + (LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" '
        f'text-anchor="middle">tokens of context</text>'
    )
    for i, report in enumerate(reports):
        colour = COLOURS[i % len(COLOURS)]
        points = [place(row) for row in report["rows"]]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        label = "8-bit cache" if report["cache"] == "int8" else "full cache"
        out.append(
            f'<text x="{at + LEFT + 10}" y="{TOP + 16 + 16 * i}" fill="{colour}">{label}</text>'
        )
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("reports", nargs="+", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    reports = [json.loads(path.read_text()) for path in options.reports]
    body = panel(0, "Decode, ms a token", "decode_ms", reports)
    body += panel(WIDTH, "Prefill, ms a token", "prefill_ms", reports)
    options.output.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT}" '
        f'font-family="sans-serif" font-size="12" fill="#222">\n'
        f'<rect width="{2 * WIDTH}" height="{HEIGHT}" fill="#fff"/>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    main()
