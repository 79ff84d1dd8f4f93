"""The table of the speed benchmark: NumPy and pandas alone, so that Evidently can make it too."""

import numpy as np
import pandas as pd

LEVELS = [f"level_{number}" for number in range(12)]


def make_table(rows: int, columns: int, seed: int) -> pd.DataFrame:
    """Return four fifths floats (every fourth skewed, a hundredth missing), else categories."""
    rng = np.random.default_rng(seed)
    made = {}
    for place in range(columns):
        if place >= columns * 4 // 5:
            chance = 1 / np.arange(1, len(LEVELS) + 1)
            codes = rng.choice(len(LEVELS), size=rows, p=chance / chance.sum()).astype(np.int8)
            made[f"c{place}"] = pd.Categorical.from_codes(codes, LEVELS)
            continue
        values = rng.normal(size=rows)
        if place % 4 == 0:
            np.exp(values, out=values)
        values[:: 100 + place] = np.nan
        made[f"x{place}"] = values
    return pd.DataFrame(made, copy=False)  # a copy would double the peak of memory
