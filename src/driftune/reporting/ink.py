"""How pictures are drawn: vector, without a font file, in colours that the page chooses.

Matplotlib draws in stand-in colours, which become CSS variables: the same picture reads on light
and on dark paper. The palette is Okabe & Ito's, which colour-blind readers can tell apart
(https://jfly.uni-koeln.de/color/).
"""

from __future__ import annotations

import io
import re
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

WIDTH = 1060  # of every picture, in CSS pixels

INK, MUTED, GRID, PAPER = "#010203", "#010204", "#010205", "#010206"
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = (
    "#010207", "#010208", "#010209", "#01020a", "#01020b", "#01020c",
)  # fmt: skip
VARIABLES = {
    INK: "ink", MUTED: "muted", GRID: "grid", PAPER: "paper", BLUE: "blue", ORANGE: "orange",
    GREEN: "green", RED: "red", PURPLE: "purple", SKY: "sky",
}  # fmt: skip
STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text: small, selectable, in the reader's font
    "svg.hashsalt": "driftune",  # the same picture gives the same bytes
    "text.parse_math": False,  # a name with dollar signs is a name
    "font.family": "sans-serif",
    "font.size": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "axes.axisbelow": True,
    "legend.frameon": False,
}


def draw(height: int, name: str, label: str, paint: Callable[[Figure], None]) -> str:
    """Make a picture as an ``<svg>`` element that can stand in a page beside others.

    Args:
        height: In CSS pixels at full width.
        name: Prefix of its ids; another one for every picture of a page.
        label: What a screen reader says.
        paint: Draws on the empty figure.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH / 72, height / 72), layout="constrained")
        paint(figure)
        layout = figure.get_layout_engine()
        assert layout is not None
        layout.execute(figure)
        figure.set_layout_engine("none")  # else it is drawn a second time, for the layout alone
        stream = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(stream, format="svg", transparent=True, metadata=nothing)
    return embed(stream.getvalue(), name, label)


def embed(svg: str, name: str, label: str) -> str:
    """Turn an SVG document into an element: own ids, the page's colours, no outside address."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(href="|url\()#', rf"\1#{name}-", svg)
    for color, variable in VARIABLES.items():
        svg = svg.replace(color, f"var(--{variable})")
    opening = f'<svg role="img" aria-label="{escape(label)}" '
    svg = re.sub(r'^<svg (.*?)width="[^"]*"', r"<svg \1", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r'^<svg (.*?)height="[^"]*"', r"<svg \1", svg, count=1, flags=re.DOTALL)
    return svg.replace("<svg ", opening, 1)
