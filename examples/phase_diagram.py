"""Seven ways in which a loss can scale: the phases of the power-law random features model.

Run it: ``python examples/phase_diagram.py --out plrf_phases.png``. On the left are the phases, on
the right what happens inside two of them. Read ``docs/plrf.md`` for what the terms mean.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from driftune.scaling import PLRF
from driftune.scaling.plrf.drawing import draw_phase_diagram, draw_terms


def main() -> None:
    """Print what theory says at one point of each phase, and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("plrf_phases.png"), metavar="FILE.png")
    out = parser.parse_args().out

    # 1. Two numbers decide the phase: how fast the spectrum falls, and how fast the target does.
    points = [
        (1.0, 0.3),
        (0.4, 0.3),
        (0.2, 0.7),
        (1.0, 0.7),
        (0.7, 1.2),
        (0.45, 1.0),
        (0.27, 0.8),
    ]
    print("alpha  beta  phase    xi     eta")
    for alpha, beta in points:
        model = PLRF(alpha, beta, d=400)
        xi, eta = model.exponents()
        print(f"{alpha:5g} {beta:5g}  {model.phase():5} {xi:6.4f}  {eta:6.4f}")

    # 2. A model is a point of the plane and a width. Its loss curve takes milliseconds.
    model = PLRF(0.7, 1.2, d=10_000)
    curve = model.loss_curve(10**9)
    print(f"\nd = 10,000 in phase {model.phase()}: loss {curve.loss[0]:.3g} before the first step,")
    print(f"{curve.loss[-1]:.3g} after 1e9 steps, {model.limit_loss():.3g} in the limit.")

    # 3. The picture.
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplot_mosaic(
        [["plane", "II"], ["plane", "III"]],
        figsize=(12, 6.6),
        width_ratios=[1.25, 1],
        layout="constrained",
    )
    draw_phase_diagram(axes["plane"])
    draw_terms(axes["II"], PLRF(1.0, 0.7, d=1000))
    draw_terms(axes["III"], model)
    figure.savefig(out, dpi=80)
    print(f"\n{out}")


if __name__ == "__main__":
    main()
