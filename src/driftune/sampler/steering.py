"""Which version of the dynamic search space holds now, read from and written to the trials."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from driftune.sampler import record
from driftune.sampler.dynamic_space import Box, grant, widen_at_edge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from driftune.sampler.dynamic_space import DynamicSpace
    from driftune.sampler.history import Outcome


def read_box(trials: Sequence[FrozenTrial], first: Box) -> Box:
    """Return the newest box on the trials, else ``first``."""
    newest = record.find_newest(trials, record.BOX)
    return first if newest is None else Box.from_json(newest.system_attrs[record.BOX])


def steer(
    dynamic: DynamicSpace,
    study: Study,
    trial: FrozenTrial,
    others: Sequence[FrozenTrial],
    history: Sequence[Outcome],
    incumbent: Mapping[str, Any] | None,
    space: Mapping[str, BaseDistribution],
) -> Box:
    """Return the box for ``trial``, and note a new version on it if there is one.

    At most one change per trial: a change that brought nothing is taken back first, then a wish
    of the model is heard, then the rule applies.
    """
    box = read_box(others, dynamic.first_box())
    if incumbent is None:
        return box
    changed = (
        _take_back(box, history, dynamic.patience)
        or (_hear(box, [*others, trial], history, space, incumbent) if dynamic.by_model else None)
        or (_widen(box, space, incumbent) if dynamic.by_rule else None)
    )
    if changed is None:
        return box
    # Patience counts from the model's last change, not from what came after it.
    since = trial.number if changed.by == "model" else box.trial
    changed = replace(changed, version=box.version + 1, trial=since)
    record.record(study, trial, {record.BOX: asdict(changed)})
    return changed


def _take_back(box: Box, history: Sequence[Outcome], patience: int) -> Box | None:
    if box.before is None:
        return None
    since = [outcome for outcome in history if outcome.number >= box.trial]
    if any(outcome.gain > 0 for outcome in since):
        return replace(box, by="rule", reason="The change brought an improvement.", before=None)
    if len(since) < patience:
        return None
    reason = f"{len(since)} trials brought no improvement."
    return replace(box, ranges=box.before, by="undo", reason=reason, before=None)


def _hear(
    box: Box,
    trials: Sequence[FrozenTrial],
    history: Sequence[Outcome],
    space: Mapping[str, BaseDistribution],
    incumbent: Mapping[str, Any],
) -> Box | None:
    """Settle the newest wish of the model, if there is one after the last."""
    wisher = record.find_newest(trials, record.RANGES)
    if wisher is None or wisher.number <= box.wish:
        return None
    wish = wisher.system_attrs[record.RANGES]
    settled = replace(box, wish=wisher.number)
    if box.before is not None:
        return replace(settled, by="refused", reason="The last change has not been judged yet.")
    if not _has_earned(history):
        return replace(settled, by="refused", reason="Its proposals have not earned that yet.")
    pairs = {name: (low, high) for name, (low, high) in wish["ranges"].items()}
    ranges = grant(box, pairs, space, incumbent)
    if ranges == box.ranges:
        return replace(settled, by="refused", reason="Nothing in it is a change within the limits.")
    return replace(settled, ranges=ranges, by="model", reason=wish["reason"], before=box.ranges)


def _has_earned(history: Sequence[Outcome]) -> bool:
    """Whether the model's trials, two at least, earn as much on average as the others'."""
    own = [o.credit for o in history if o.source == "llm"]
    own += [0.0 for o in history if o.declined]
    rest = [o.credit for o in history if o.source not in ("llm", "warm_start")]
    mean = sum(rest) / len(rest) if rest else 0.0
    return len(own) >= 2 and sum(own) / len(own) > max(0.0, mean - 1e-9)


def _widen(
    box: Box, space: Mapping[str, BaseDistribution], incumbent: Mapping[str, Any]
) -> Box | None:
    ranges, names = widen_at_edge(box, space, incumbent)
    if not names:
        return None
    reason = f"The best trial lies at the edge of {', '.join(names)}."
    before = box.before and {n: p for n, p in box.before.items() if n not in names}
    return replace(box, ranges=ranges, by="rule", reason=reason, before=before)
