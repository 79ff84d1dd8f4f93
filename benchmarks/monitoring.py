"""The drift benchmark: false alarms, power, speed. ``make bench-monitoring``.

Writes ``benchmarks/results/monitoring.json`` and ``.png``. Each part is a module with
``measure(options) -> dict`` and ``print_report(found)``; ``--parts speed`` runs one and keeps what
the file says of the others.
"""

from __future__ import annotations

import argparse
import json
import platform
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from driftune.tuning.cores import usable_cores

HERE = Path(__file__).parent
PARTS = {
    "false_alarms": "monitoring_false_alarms",
    "power": "monitoring_power",
    "speed": "monitoring_speed",
}


def main() -> None:
    """Run the parts asked for, report all that is known, draw."""
    options = read_options()
    path: Path = options.out
    document: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for name in options.parts:
        part = import_module(PARTS[name])
        print(f"{name} ...", flush=True)
        document[name] = {"machine": _machine(), **part.measure(options)}
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    for name in (name for name in PARTS if name in document):
        import_module(PARTS[name]).print_report(document[name])
    from monitoring_picture import draw

    draw(document, path.with_suffix(".png"))
    print(f"\n{path} and .png", flush=True)


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--windows", type=int, default=500, help="clean windows per stream")
    parser.add_argument("--repeats", type=int, default=40, help="windows per shift, size and rows")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the table of speed")
    parser.add_argument("--columns", type=int, default=50, help="of the table of speed")
    parser.add_argument("--evidently", type=Path, help="interpreter that has Evidently")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "monitoring.json")
    return parser.parse_args()


def _machine() -> dict[str, Any]:
    return {
        "cores": usable_cores(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "pandas", "lightgbm")},
    }


if __name__ == "__main__":
    main()
