"""What the sampler writes on a trial, under which names, and how to read it back.

Everything that the sampler must remember lives on the trials, in storage: a new process with the
same storage goes on where the last one stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.study import Study
    from optuna.trial import FrozenTrial

SOURCES = ("warm_start", "llm", "tpe", "gp", "jitter", "random")
"""Who can have proposed a trial; ``random`` is also the partner before it has enough trials."""

PREFIX = "driftune:"
SOURCE = "driftune:source"
RATIONALE = "driftune:rationale"  # the model's sentence
EXPECTED = "driftune:expected"  # the model's guess of the objective value
MODEL = "driftune:model"
ASKED = "driftune:asked"  # questions begun during this trial: [{"id", "calls", "worst_usd"}]
ANSWERED = "driftune:answered"  # ids of the questions whose outcome this trial holds
CALLS = "driftune:calls"  # requests that these took, repair included
PROMPT_TOKENS = "driftune:prompt_tokens"
COMPLETION_TOKENS = "driftune:completion_tokens"
COST_USD = "driftune:cost_usd"
SECONDS = "driftune:seconds"  # that the model took
WAITED = "driftune:waited"  # seconds that this trial waited for the model
PROPOSALS = "driftune:proposals"  # all that these questions brought
NOTES = "driftune:notes"  # what the model wrote down for its next question
RANGES = "driftune:ranges"  # ranges that the model wished for: {"ranges", "reason"}
UNUSABLE = "driftune:unusable"  # why a question brought nothing
CLAIM = "driftune:claim"  # [trial, index]: which proposal this trial runs
DISCARDED = "driftune:discarded"  # claims that this trial gave up by veto
VETOED = "driftune:vetoed"  # how many these are
FALLBACK = "driftune:fallback"  # why the partner took a turn of the model
GAIN = "driftune:gain"  # improvement over the incumbent at the end of the trial
WARM_START = "driftune:warm_start"  # index of the configuration that this trial runs first
BOX = "driftune:box"  # a version of the dynamic search space, see ``dynamic_space``


def source_of(trial: FrozenTrial) -> str:
    """Who proposed ``trial``: one of ``SOURCES``.

    Trials that the user enqueued count as ``warm_start``, trials that another sampler made as
    ``random``.
    """
    attributes = trial.system_attrs
    if SOURCE in attributes:
        return str(attributes[SOURCE])
    return "warm_start" if "fixed_params" in attributes else "random"


def record(study: Study, trial: FrozenTrial, facts: dict[str, Any]) -> None:
    """Write ``facts`` on the trial, in storage and in the copy at hand; ``None`` is left out."""
    for name, value in facts.items():
        if value is not None:
            study._storage.set_trial_system_attr(trial._trial_id, name, value)
            trial.system_attrs[name] = value


def read_trials(study: Study) -> list[FrozenTrial]:
    """All trials of the study by number, not copied: do not change them.

    Read from storage because pruners such as Hyperband show a sampler only a part of the study.
    """
    return study._storage.get_all_trials(study._study_id, deepcopy=False)


def is_copy(trial: FrozenTrial) -> bool:
    """Whether the trial is Optuna's retry of a failed one, which carries the other's attributes."""
    return "failed_trial" in trial.system_attrs


def read_spending(trial: FrozenTrial, name: str) -> float:
    """Return what the trial itself spent, such as ``record.CALLS``; 0 if nothing."""
    spent: float = 0 if is_copy(trial) else trial.system_attrs.get(name, 0)
    return spent


def read_list(trial: FrozenTrial, name: str) -> list[Any]:
    """Return a list that was written on the trial; empty for a copy and where there is none."""
    return [] if is_copy(trial) else list(trial.system_attrs.get(name, ()))


def find_newest(trials: Sequence[FrozenTrial], name: str) -> FrozenTrial | None:
    """Return the last trial on which ``name`` was written, copies left out."""
    for trial in reversed(trials):
        if name in trial.system_attrs and not is_copy(trial):
            return trial
    return None


def append(study: Study, trial: FrozenTrial, name: str, *items: Any) -> None:
    """Add to a list on the trial."""
    if items:
        record(study, trial, {name: [*read_list(trial, name), *items]})
