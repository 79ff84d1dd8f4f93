"""How wide should a model be for the compute there is? Measured, and held against theory.

Run it: ``python examples/compute_optimal.py --out plrf_frontier.png``. For each compute, one of all
widths reaches the least loss: narrower models are out of capacity, wider ones have seen too little.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from driftune.scaling import PLRF, compute_optimal
from driftune.scaling.plrf.drawing import draw_frontier

PHASES = {"Ia": (1.0, 0.3), "III": (0.7, 1.2)}


def main() -> None:
    """Print measured and theoretical exponents, and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("plrf_frontier.png"), metavar="FILE.png")
    out = parser.parse_args().out

    # 1. The best width and its loss for one compute.
    widths = 16 * 2 ** (np.arange(23) / 2)
    one = compute_optimal(*PHASES["Ia"], [1e8], widths)
    print(f"phase Ia, compute 1e8: best width {one.d_star[0]:.0f}, loss {one.loss_star[0]:.3g}")

    # 2. With more compute both follow power laws. Theory is about the limit of infinite compute:
    #    at everyday compute the exponents are close to it, far out they meet it.
    far = compute_optimal(*PHASES["Ia"], np.geomspace(1e15, 1e18, 4), np.geomspace(3e4, 1e7, 17))
    xi, eta = PLRF(*PHASES["Ia"], d=16).exponents()
    print(f"phase Ia, compute 1e15 to 1e18: xi {far.xi:.4f} (theory {xi:.4f}),")
    print(f"                               eta {far.eta:.4f} (theory {eta:.4f})")

    # 3. The picture: every curve touches the frontier where its width is the best one.
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, both = plt.subplots(1, 2, figsize=(12, 5), layout="constrained")
    for axes, (phase, point) in zip(both, PHASES.items(), strict=True):
        drawn = 32 * 4.0 ** np.arange(6)
        found = draw_frontier(axes, *point, widths=drawn, compute=(1e5, 1e9))
        xi, eta = PLRF(*point, d=16).exponents()
        print(f"phase {phase}, compute 1e5 to 1e9: xi {found.xi:.4f} (theory {xi:.4f}),")
        print(f"                             eta {found.eta:.4f} (theory {eta:.4f})")
    figure.savefig(out, dpi=80)
    print(f"\n{out}")


if __name__ == "__main__":
    main()
