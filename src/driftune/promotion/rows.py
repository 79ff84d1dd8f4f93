"""What the gate judges on: labels and the predictions of everybody concerned, row by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftune.errors import DataError
from driftune.metrics import FloatArray, as_floats
from driftune.promotion.limits import Traits

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Guards:
    """What the gate looks at besides the gain over the champion; what is left out is not.

    Args:
        slices: Rows (n,) that must not suffer, by name; see `cut_slices`.
        previous: Predictions of the champion before this one; it may have become right again.
        previous_name: How the reason calls it ("version 2").
        serving: Predictions of the model that would serve, where that is not the one judged. It
            may have learned from these rows, so they prove nothing for it; but it must be sane,
            and no worse on them than the one judged.
        traits: Size and speed of the model that would serve, range of the labels.
        learned: Labels (m,) that the challenger learned from, numbered as ``y`` is. A first model
            must beat the constant that they give; None = the best constant of these very rows,
            which nobody could have known.
    """

    slices: Mapping[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    previous: npt.ArrayLike | None = None
    previous_name: str = "the previous champion"
    serving: npt.ArrayLike | None = None
    traits: Traits = field(default_factory=Traits)
    learned: npt.ArrayLike | None = None


NO_GUARDS = Guards()


@dataclass(frozen=True)
class Rows:
    """The labelled rows, in time order.

    Args:
        y: Labels (n,).
        challenger: Predictions (n,) or (n, k) of the model that is judged.
        champion: Of the model in service.
        previous: Of the one before.
        serving: Of the model that would serve, where that is not the one judged.
        slices: Masks (n,) by name.
        learned: Labels that a constant prediction is made from; None = ``y``.
    """

    y: FloatArray
    challenger: FloatArray
    champion: FloatArray | None
    previous: FloatArray | None
    serving: FloatArray | None
    slices: dict[str, npt.NDArray[np.bool_]]
    learned: FloatArray | None = None


def align(
    y: npt.ArrayLike, challenger: npt.ArrayLike, champion: npt.ArrayLike | None, guards: Guards
) -> Rows:
    """Return all as floats on the rows that have a label.

    Raises:
        DataError: unequal lengths, or text where numbers belong.
    """
    truth = as_floats(y, "targets").ravel()
    labelled = ~np.isnan(truth)

    def pick(name: str, values: npt.ArrayLike) -> FloatArray:
        predicted = as_floats(values, f"predictions of the {name}")
        if len(predicted) != len(truth):
            raise DataError(
                f"The {name} has {len(predicted)} predictions for {len(truth)} targets."
            )
        picked: FloatArray = predicted[labelled]
        return picked

    def pick_any(name: str, values: npt.ArrayLike | None) -> FloatArray | None:
        return None if values is None else pick(name, values)

    for name, mask in guards.slices.items():
        if len(mask) != len(truth):
            raise DataError(f"The slice {name!r} has {len(mask)} rows for {len(truth)} targets.")
    return Rows(
        truth[labelled],
        pick("challenger", challenger),
        pick_any("champion", champion),
        pick_any("previous champion", guards.previous),
        pick_any("serving model", guards.serving),
        {name: mask[labelled] for name, mask in guards.slices.items()},
        None if guards.learned is None else as_floats(guards.learned, "labels").ravel(),
    )
