"""Three pictures: the phases, a compute-optimal frontier, and which term of the loss dominates.

Each draws on Matplotlib axes that the caller made. Colours are those of Okabe and Ito (2008), which
the colour-blind can tell apart.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from driftune.scaling.plrf.frontier import Frontier, compute_optimal
from driftune.scaling.plrf.model import PLRF
from driftune.scaling.plrf.phases import KERNEL_LINE, PLATEAU_LINE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, RED, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#BBBBBB"

_PP, _AC, _0, _NOISE = "$F_{pp}$", "$F_{ac}$", "$F_0$", "$K_{pp}$"
_END = 1.3  # of both axes of the phase diagram


class _Region(NamedTuple):
    """One phase: its corners, its colour, where its label goes, and the terms that can dominate."""

    name: str
    corners: Sequence[tuple[float, float]]
    colour: str
    x: float
    y: float
    terms: str


def _strip(left: float, right: float) -> Sequence[tuple[float, float]]:
    return [(left, 0.5), (right, 0.5), (right, _END), (left, _END)]


_REGIONS = (
    _Region("", [(0, 0), (0.5, 0), (0, 0.5)], GREY, 0.15, 0.17, "no power law"),
    _Region("Ia", [(0.5, 0), (_END, 0), (_END, 0.5), (0.5, 0.5)], SKY, 0.9, 0.25, f"{_PP}, {_0}"),
    _Region("Ib", [(0, 0.5), (0.5, 0), (0.5, 0.5)], BLUE, 0.36, 0.37, f"{_PP}, {_0}"),
    _Region("Ic", _strip(0, KERNEL_LINE), PURPLE, 0.125, 0.9, f"{_PP}, {_0}"),
    _Region(
        "II", [(0.5, 0.5), (_END, 0.5), (_END, _END)], GREEN, 1.03, 0.69, f"{_PP}, {_AC}, {_0}"
    ),
    _Region(
        "III", [(0.5, 0.5), (_END, _END), (0.5, _END)], YELLOW, 0.76, 1.08, f"{_AC}, {_0}, {_NOISE}"
    ),
    _Region("IVa", _strip(PLATEAU_LINE, 0.5), ORANGE, 0.397, 0.9, f"{_PP}, {_0},\n{_NOISE}"),
    _Region("IVb", _strip(KERNEL_LINE, PLATEAU_LINE), RED, 0.272, 0.9, f"{_PP}, {_0}, {_NOISE}"),
)


def draw_phase_diagram(axes: Any) -> None:
    """Fill and name the phases, with the terms of the loss that can dominate in each.

    Args:
        axes: Matplotlib axes; about square, 6 inches or more.
    """
    for region in _REGIONS:
        axes.fill(*zip(*region.corners, strict=True), color=region.colour, alpha=0.45, linewidth=0)
        name = {"ha": "center", "fontweight": "bold", "fontsize": 13}
        terms = {"ha": "center", "fontsize": 10}
        x, y = region.x, region.y
        if region.name == "IVb":  # too narrow for a line of text
            axes.text(x, y - 0.05, region.name, rotation=90, va="top", **{**name, "fontsize": 10})
            axes.text(x, y, region.terms, rotation=90, va="bottom", **terms)
        else:
            axes.text(x, y, region.name, va="center", **name)
            axes.text(x, y - 0.045, region.terms, va="top", **terms)
    _draw_lines(axes)
    axes.set(xlim=(0, _END), ylim=(0, _END), aspect="equal")
    axes.set_xlabel(r"$\alpha$: how fast the spectrum of the data falls")
    axes.set_ylabel(r"$\beta$: how fast the target falls")


def _draw_lines(axes: Any) -> None:
    style = {"color": BLACK, "linewidth": 1.2}
    axes.plot([0, 0.5], [0.5, 0], **style)
    axes.plot([0.5, 0.5], [0, _END], **style)
    axes.plot([0, _END], [0.5, 0.5], **style)
    axes.plot([0.5, _END], [0.5, _END], **style)
    axes.plot([KERNEL_LINE] * 2, [0.5, _END], **style)
    axes.plot([PLATEAU_LINE] * 2, [0.5, _END], linestyle="--", **style)
    names = (
        (0.22, 0.23, r"$\alpha + \beta = 1/2$", -45),
        (0.53, 0.16, r"$2\alpha = 1$", 90),
        (1.17, 0.53, r"$2\beta = 1$", 0),
        (1.17, 1.12, r"$\alpha = \beta$", 45),
    )
    for x, y, name, rotation in names:
        axes.text(x, y, name, rotation=rotation, fontsize=9, ha="center", va="center")
    top = axes.secondary_xaxis("top")
    top.set_xticks(
        [KERNEL_LINE, PLATEAU_LINE], [r"$\alpha = 1/4$", r"$\alpha = 1 - 1/\sqrt{2}$"], fontsize=9
    )
    for label, side in zip(top.get_xticklabels(), ("right", "left"), strict=True):
        label.set_ha(side)


def draw_frontier(
    axes: Any, alpha: float, beta: float, *, widths: Sequence[float], compute: tuple[float, float]
) -> Frontier:
    """Draw the loss of several widths against compute, and the frontier that they touch.

    Args:
        axes: Matplotlib axes.
        alpha: Fall of the spectrum.
        beta: Fall of the target, with ``alpha + beta > 1/2``.
        widths: Of the models whose curves are drawn.
        compute: First and last compute of the frontier.

    Returns:
        The frontier, with the exponents that it was drawn with.
    """
    for d in widths:
        curve = PLRF(alpha, beta, d).loss_curve(math.ceil(3 * compute[1] / d))
        axes.loglog(curve.steps[1:] * d, curve.loss[1:], color=SKY, linewidth=1.3)
    axes.plot([], [], color=SKY, label=f"one width each, d = {widths[0]:g} to {widths[-1]:g}")
    grid = np.geomspace(widths[0] / 2, widths[-1] * 16, 31)
    found = compute_optimal(alpha, beta, np.geomspace(*compute, 13), grid)
    axes.plot(found.compute, found.loss_star, "o", color=RED, markersize=5, label="best width")
    _draw_slope(axes, found.compute, found.loss_star, found.eta, "measured", ORANGE, 1.0)
    theory = PLRF(alpha, beta, widths[0])
    eta = theory.exponents().eta
    _draw_slope(axes, found.compute, found.loss_star, eta, "theory, shifted", BLACK, 0.6)
    axes.set_xlabel(r"compute = steps $\times$ batch $\times$ width")
    axes.set_ylabel("loss")
    axes.set_title(_title(theory), fontsize=11)
    axes.set_ylim(found.loss_star[-1] / 3)
    axes.legend(fontsize=9, frameon=False, loc="upper right")
    return found


def _draw_slope(
    axes: Any, x: Array, y: Array, eta: float, name: str, colour: str, shift: float
) -> None:
    """Draw a power law through the middle of the points, ``shift`` times as high."""
    middle = math.exp(float(np.mean(np.log(y) + eta * np.log(x))))
    line = shift * middle * x**-eta
    style = "-" if shift == 1 else "--"
    axes.plot(x, line, style, color=colour, label=f"{name}: compute$^{{-{eta:.3f}}}$")


def _title(model: PLRF) -> str:
    return rf"phase {model.phase()}: $\alpha$ = {model.alpha:g}, $\beta$ = {model.beta:g}"


def draw_terms(axes: Any, model: PLRF) -> None:
    """Draw a loss curve over its power laws, and shade which of them is largest.

    Args:
        axes: Matplotlib axes.
        model: With ``alpha + beta > 1/2``.
    """
    horizon = math.ceil(10 * model.d ** (2 * model.alpha) / (model.lr * model.batch))
    curve = model.loss_curve(horizon)
    r, loss = curve.steps[1:], curve.loss[1:]
    terms = model.asymptotic_terms(r)
    noise = terms.k_pp / (model.lr * model.batch)
    parts = (
        (f"{_PP}: features still to learn", terms.f_pp, BLUE),
        (f"{_AC}: interfering features", terms.f_ac, GREEN),
        (f"{_0}: what the width cannot hold", terms.f_0, ORANGE),
        (f"{_NOISE}: noise of the gradients", noise, RED),
    )
    largest = np.argmax([values for _, values, _ in parts], axis=0)
    axes.loglog(r, loss, color=BLACK, linewidth=2, label="loss")
    for i, (name, values, colour) in enumerate(parts):
        if not values.any():
            continue
        axes.plot(r, values, "--", color=colour, label=name)
        where = r[largest == i]
        if len(where):
            axes.axvspan(where[0], where[-1], color=colour, alpha=0.15, linewidth=0)
    axes.set(xlim=(r[0], r[-1]), ylim=(loss[-1] / 10, 3 * loss[0]), xlabel="steps", ylabel="loss")
    axes.set_title(f"{_title(model)}, $d$ = {model.d:g}", fontsize=11)
    axes.legend(fontsize=9, frameon=False, loc="upper right")
