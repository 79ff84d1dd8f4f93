"""How rounds grow with rows."""

import numpy as np
import pytest

from driftune.scaling.curves.observation import Observation
from driftune.scaling.curves.rounds import growth_exponent


def series(exponent, first, sizes, config="", noise=0.0, seed=0):
    """Best rounds that grow like ``rows^exponent``, whole numbers."""
    rng = np.random.default_rng(seed)
    return [
        Observation(
            n,
            0.5,
            rounds=round(first * (n / sizes[0]) ** exponent * np.exp(noise * rng.normal())),
            config_id=config,
        )
        for n in sizes
    ]


EIGHT_LEAVES = series(0.43, 47, [500 * 2**k for k in range(8)], "8")  # 47 -> 388, as measured
MANY_LEAVES = series(0.36, 25, [1000 * 2**k for k in range(7)], "32")  # 25 -> 110


def test_measured_series_give_their_exponents():
    assert growth_exponent(EIGHT_LEAVES) == pytest.approx(0.43, abs=0.02)
    assert growth_exponent(MANY_LEAVES) == pytest.approx(0.36, abs=0.02)


def test_configurations_are_not_compared_with_each_other():
    pooled = growth_exponent([*EIGHT_LEAVES, *MANY_LEAVES])
    assert 0.36 < pooled < 0.43
    crossed = [Observation(100, 0.5, rounds=10, config_id="x"), *EIGHT_LEAVES]
    assert growth_exponent(crossed) == growth_exponent(EIGHT_LEAVES)


def test_one_odd_fit_changes_little():
    odd = [*EIGHT_LEAVES[:-1], Observation(64_000, 0.5, rounds=20, config_id="8")]
    assert growth_exponent(odd) == pytest.approx(0.43, abs=0.03)


def test_capped_fits_do_not_count():
    capped = [*EIGHT_LEAVES, Observation(640_000, 0.5, rounds=400, config_id="8", capped=True)]
    assert growth_exponent(capped) == growth_exponent(EIGHT_LEAVES)


def test_one_size_gives_the_default_and_no_answer_is_outside_its_range():
    assert growth_exponent([]) == 0.4
    assert growth_exponent(EIGHT_LEAVES[:1], default=0.3) == 0.3
    assert growth_exponent(series(-0.5, 100, [100, 1000, 10_000])) == 0
    assert growth_exponent(series(2.0, 10, [100, 1000, 10_000])) == 1
