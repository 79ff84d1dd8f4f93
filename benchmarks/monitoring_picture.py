"""The picture of the drift benchmark: false alarms, power, speed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitoring_false_alarms import DETECTORS, LABELS

if TYPE_CHECKING:
    from pathlib import Path

COLOURS = {"driftune": "tab:blue", "ks_05": "tab:red", "psi_02": "tab:orange"}
WIDE = 4  # panels in a row


def draw(document: dict[str, Any], path: Path) -> None:
    """Save false alarms and speed above, power below."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    kinds = document.get("power", {}).get("kinds", {})
    lines = 1 + -(-len(kinds) // WIDE)
    figure = plt.figure(figsize=(4.2 * WIDE, 3.6 * lines))
    grid = figure.add_gridspec(lines, WIDE)
    if "false_alarms" in document:
        _draw_false_alarms(document["false_alarms"], figure.add_subplot(grid[0, :2]))
    if "speed" in document:
        _draw_speed(document["speed"], figure.add_subplot(grid[0, 2]), "seconds")
        _draw_speed(document["speed"], figure.add_subplot(grid[0, 3]), "peak_mb")
    for place, (kind, by_rows) in enumerate(kinds.items()):
        _draw_power(kind, by_rows, figure.add_subplot(grid[1 + place // WIDE, place % WIDE]))
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)


def _draw_false_alarms(found: dict[str, Any], panel: Any) -> None:
    streams = {
        **found["streams"],
        "flights, each week\nagainst the others": found["weeks_left_out"],
    }
    for offset, detector in enumerate(DETECTORS):
        places = [place + 0.27 * (offset - 1) for place in range(len(streams))]
        shares = [100 * one[detector] for one in streams.values()]
        bars = panel.bar(places, shares, 0.25, color=COLOURS[detector], label=LABELS[detector])
        panel.bar_label(bars, fmt="%.0f", fontsize=8)
    panel.axhline(100 * found["significance"], ls=":", color="black", lw=1, label="asked for: 5 %")
    names = [name.replace(", ", ",\n", 1) for name in streams]
    panel.set_xticks(range(len(streams)), names, fontsize=8)
    panel.set_ylabel("% of windows")
    panel.set_ylim(0, 145)
    panel.set_title("Alarms in clean windows (last: real weeks, in order)", fontsize=10)
    panel.legend(fontsize=7, ncols=2, loc="upper center")


def _draw_speed(found: dict[str, Any], panel: Any, key: str) -> None:
    theirs = found["evidently"]
    values = {"driftune": found["observe"][key]}
    if "left_out" not in theirs:
        values["Evidently"] = theirs[key]
    colours = ["tab:blue", "tab:gray"][: len(values)]
    bars = panel.bar(list(values), list(values.values()), color=colours)
    panel.bar_label(bars, fmt="{:,.1f}" if key == "seconds" else "{:,.0f}", fontsize=9)
    panel.margins(y=0.15)
    size = f"{found['rows']:,} rows x {found['columns']} columns"
    if key == "seconds":
        panel.set_yscale("log")
        panel.set_title(f"Seconds for {size}", fontsize=10)
        return
    limit = 2 * found["observe"]["table_mb"]
    panel.axhline(limit, ls=":", color="black", lw=1, label="twice the batch")
    panel.set_title("Peak memory, MB", fontsize=10)
    panel.legend(fontsize=7)


def _draw_power(kind: str, by_rows: dict[str, Any], panel: Any) -> None:
    for rows, by_size in by_rows.items():
        sizes = [float(size) for size in by_size]
        power = [100 * one["power"] for one in by_size.values()]
        panel.plot(sizes, power, "o-", ms=4, label=f"{rows} rows")
    name, unit = kind.rsplit(", ", 1)
    panel.set_title(name, fontsize=10)
    panel.set_xlabel(unit)
    panel.set_ylabel("% that rang")
    panel.set_ylim(-5, 105)
    panel.grid(alpha=0.3)
    panel.legend(fontsize=7)
