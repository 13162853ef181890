#!/usr/bin/env python3
"""Checks that src/ keeps to tools/layers.txt, and draws that table for docs/architecture.md.

    tools/check_layers.py                 check; exit 1 with file:line for every breach
    tools/check_layers.py --draw          print the drawing
    tools/check_layers.py --write-docs    put the drawing into docs/architecture.md

A breach is: an include of a room that is not below the including one, or that does not exist; an
include that does not start with its room; a circle of headers; a room without a line in the table
or the other way about; a package used outside the rooms that it is confined to; a test that
includes what its room may not; and a drawing in docs/architecture.md that is not this table's.
"""

import argparse
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

BEGIN = "<!-- drawn by tools/check_layers.py -->"
END = "<!-- end of the drawing -->"
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
ROOM_LINE = re.compile(r"^([a-z]+):(.*)$")
PACKAGE_LINE = re.compile(r"^<([^>]+)/>:(.*)$")


@dataclass
class Layers:
    below: dict[str, list[str]] = field(default_factory=dict)  # room -> rooms it may include
    packages: dict[str, list[str]] = field(default_factory=dict)  # package -> rooms that may use it


@dataclass(frozen=True)
class Include:
    path: Path  # of the including file, relative to the root
    line: int
    quoted: str | None
    angled: str | None


def read_layers(path: Path, problems: list[str]) -> Layers:
    layers = Layers()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        where = f"{path.name}:{number}"
        if not line.strip() or line.startswith("#"):
            continue
        if match := PACKAGE_LINE.match(line):
            layers.packages[match[1]] = match[2].split()
            unknown = [room for room in match[2].split() if room not in layers.below]
            problems += [f"{where}: <{match[1]}/> names no room '{room}'" for room in unknown]
        elif match := ROOM_LINE.match(line):
            room, below = match[1], match[2].split()
            if room in layers.below:
                problems.append(f"{where}: room '{room}' is listed twice")
            # Only rooms of earlier lines may be named, so the table itself cannot hold a circle.
            for other in below:
                if other not in layers.below:
                    problems.append(f"{where}: '{room}' names '{other}', which no line above has")
            layers.below[room] = below
        else:
            problems.append(f"{where}: neither 'room: rooms' nor '<package/>: rooms'")
    return layers


def read_includes(root: Path, file: Path) -> list[Include]:
    includes = []
    for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
        if match := INCLUDE.match(line):
            includes.append(Include(file.relative_to(root), number, match[1], match[2]))
    return includes


def sources(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix in (".h", ".cc", ".inc"))


def check_include(root: Path, layers: Layers, room: str, include: Include) -> str | None:
    where = f"{include.path}:{include.line}"
    if include.angled is not None:
        package = include.angled.split("/")[0]
        allowed = layers.packages.get(package)
        if allowed is not None and room not in allowed:
            return f"{where}: <{package}/> is for {', '.join(allowed)}, not for {room}"
        return None
    quoted = include.quoted or ""
    in_test = include.path.parts[0] == "tests"
    if in_test and quoted.startswith("tests/"):
        return None if (root / quoted).is_file() else f"{where}: there is no {quoted}"
    target = quoted.split("/")[0]
    if "/" not in quoted or target in (".", ".."):
        return f'{where}: "{quoted}" does not start with its room'
    if target not in layers.below:
        return f'{where}: "{quoted}" names no room'
    if not (root / "src" / quoted).is_file():
        return f"{where}: there is no src/{quoted}"
    if target != room and target not in layers.below[room]:
        return f'{where}: {room} may not include {target} ("{quoted}")'
    return None


def find_circles(includes: list[Include]) -> list[str]:
    edges: dict[str, list[Include]] = {}
    for include in includes:
        if include.path.parts[0] == "src" and include.path.suffix != ".cc" and include.quoted:
            edges.setdefault("/".join(include.path.parts[1:]), []).append(include)
    problems: list[str] = []
    finished: set[str] = set()

    def visit(header: str, trail: list[str]) -> None:
        for include in edges.get(header, []):
            target = include.quoted or ""
            if target in trail:
                circle = " -> ".join([*trail[trail.index(target) :], target])
                problems.append(f"{include.path}:{include.line}: headers in a circle: {circle}")
            elif target not in finished:
                visit(target, [*trail, target])
        finished.add(header)

    for header in sorted(edges):
        if header not in finished:
            visit(header, [header])
    return problems


def heights(layers: Layers) -> dict[str, int]:
    height: dict[str, int] = {}
    for room, below in layers.below.items():
        height[room] = 1 + max((height[other] for other in below if other in height), default=-1)
    return height


def draw(layers: Layers) -> str:
    """The table as storeys of a house, and as who may include whom."""
    height = heights(layers)
    lines = ["```text"]
    for storey in range(max(height.values(), default=0), -1, -1):
        rooms = [room for room in layers.below if height[room] == storey]
        lines.append(f"{storey:2} | " + "   ".join(rooms))
    lines += ["   +" + "-" * 40, "```", "", "| room | may include |", "|---|---|"]
    for room, below in layers.below.items():
        lines.append(f"| `{room}` | {', '.join(f'`{other}`' for other in below) or 'nothing'} |")
    if layers.packages:
        lines += ["", "| package | only in |", "|---|---|"]
        for package, rooms in layers.packages.items():
            lines.append(f"| `<{package}/…>` | {', '.join(f'`{room}`' for room in rooms)} |")
    return "\n".join(lines)


def split_docs(text: str) -> tuple[str, str, str] | None:
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        return None
    before, rest = text.split(BEGIN)
    drawing, after = rest.split(END)
    return before, drawing.strip("\n"), after


def check_docs(root: Path, layers: Layers) -> list[str]:
    path = root / "docs" / "architecture.md"
    if not path.is_file():
        return ["docs/architecture.md: missing"]
    parts = split_docs(path.read_text())
    if parts is None:
        return [f"docs/architecture.md: needs one '{BEGIN}' and one '{END}'"]
    if parts[1] != draw(layers):
        return [
            "docs/architecture.md: the drawing is not that of tools/layers.txt; "
            "run tools/check_layers.py --write-docs"
        ]
    return []


def check(root: Path) -> list[str]:
    problems: list[str] = []
    layers = read_layers(root / "tools" / "layers.txt", problems)
    includes: list[Include] = []
    for folder in sorted(p for p in (root / "src").iterdir() if p.is_dir()):
        if folder.name not in layers.below:
            problems.append(f"src/{folder.name}: tools/layers.txt has no such room")
            continue
        for tree in (folder, root / "tests" / folder.name):
            for file in sources(tree) if tree.is_dir() else []:
                found = read_includes(root, file)
                includes += found
                breaches = (check_include(root, layers, folder.name, i) for i in found)
                problems += [breach for breach in breaches if breach]
    problems += find_circles(includes)
    problems += check_docs(root, layers)
    return problems


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks src/ against tools/layers.txt.")
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--draw", action="store_true", help="print the drawing")
    parser.add_argument("--write-docs", action="store_true", help="update docs/architecture.md")
    arguments = parser.parse_args()
    root = arguments.root
    if arguments.draw or arguments.write_docs:
        problems: list[str] = []
        drawing = draw(read_layers(root / "tools" / "layers.txt", problems))
        if arguments.draw:
            print(drawing)
        else:
            path = root / "docs" / "architecture.md"
            parts = split_docs(path.read_text())
            if parts is None:
                problems.append(f"docs/architecture.md: needs one '{BEGIN}' and one '{END}'")
            else:
                path.write_text(f"{parts[0]}{BEGIN}\n{drawing}\n{END}{parts[2]}")
    else:
        problems = check(root)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
