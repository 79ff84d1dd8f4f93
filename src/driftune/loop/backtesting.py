"""Backtest: what would policies have done on a problem's history, and what had come of it?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from driftune.loop.past_rows import read_past
from driftune.loop.past_shuffled import error_block, shuffle_past
from driftune.loop.pricing import read_pricing
from driftune.loop.retraining import known_configuration, past_world
from driftune.monitoring.backtest import replay
from driftune.monitoring.probes import plan_probes
from driftune.monitoring.schedules import always, never, oracle, share_of_gain
from driftune.tuning.cores import usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from typing import TypeAlias

    from driftune.loop.past_rows import PastRows
    from driftune.loop.past_world import PastWorld
    from driftune.loop.pricing import Pricing
    from driftune.loop.retraining import Known
    from driftune.monitoring.backtest import Replayed
    from driftune.monitoring.matrix import Ask
    from driftune.monitoring.world import Decides
    from driftune.project import Project
    from driftune.settings import Settings

    OnStage: TypeAlias = Callable[[str, int, int], None]  # what, models there, models wanted

MOST_ROWS = 200_000  # of a history: 53 models of half of them each fit in minutes, and in memory
SHUFFLES = 1


@dataclass(frozen=True)
class Judged:
    """A policy or a schedule with what it is compared with.

    Attributes:
        replayed: Batch by batch.
        share: Of what retraining always gains over never retraining; 1 = all of it.
        oracle: Mean metric of the best schedule of as many retrainings, in hindsight.
        false_alarms: Retunes and alerts on shuffled histories; ``None`` where none was replayed.
        shuffled_batches: Batches of these.
        search_seconds: What the live loop may spend on searching beside the fits, at most;
            ``None`` = its budget has no limit of time.
    """

    replayed: Replayed
    share: float | None
    oracle: float | None = None
    false_alarms: int | None = None
    shuffled_batches: int = 0
    search_seconds: float | None = 0.0


@dataclass(frozen=True)
class Backtest:
    """The outcome for one problem; :meth:`to_dict` gives JSON.

    Attributes:
        problem: Its name.
        metric: Name of the metric.
        greater_is_better: Its direction.
        batches: Decided about, oldest first.
        refused: Batches that validation refused; they are no part of it.
        share_of_rows: Below 1 where rows were left out.
        hyperparameters: Whose every model has.
        label_delay: Batches until labels arrive.
        schedules: never, always and oracle.
        policies: In the order given.
    """

    problem: str
    metric: str
    greater_is_better: bool
    batches: tuple[str, ...]
    refused: tuple[str, ...]
    share_of_rows: float
    hyperparameters: str
    label_delay: int
    schedules: tuple[Judged, ...]
    policies: tuple[Judged, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def backtest(
    project: Project,
    settings: Settings,
    policies: Mapping[str, Decides],
    *,
    history: str | None = None,
    label_delay: int = 0,
    shuffles: int = SHUFFLES,
    most_rows: int = MOST_ROWS,
    on_stage: OnStage = lambda *_: None,
) -> Backtest:
    """Replay a problem's history under some policies.

    What is fitted is kept below ``.driftune/backtest``: stopped anywhere, the same call goes on,
    and another policy needs few fits or none. A retune costs what the ledger says today, or the
    search's budget, from the first batch to the last.

    Args:
        project: Where the problem lives.
        settings: The problem; its gate judges, its champion gives the hyperparameters.
        policies: By name.
        history: See :func:`driftune.loop.past_rows.read_past`.
        label_delay: Labels of a batch are there after so many further batches.
        shuffles: Histories without drift on which false alarms are counted.
        most_rows: Above it a random share of every batch is taken.
        on_stage: Called while models are fitted.

    Raises:
        DriftuneError: The gate refuses the first model, or another process watches the problem.
        UsageError: No such history.
        DataError: There is no history yet.
    """
    on_stage("reading the history", 0, 0)
    past = read_past(project, settings, history=history, most_rows=most_rows)
    home = project.state / "backtest" / settings.name
    settings = without_unused(settings)
    known = known_configuration(project, settings, past, home)
    pricing = read_pricing(project, settings)
    worlds = Worlds(settings, known, home, label_delay, on_stage, pricing)
    return replay_all(worlds, past, policies, shuffles=shuffles)


def without_unused(settings: Settings) -> Settings:
    """Return the problem as a history has it: without ids and what is dropped."""
    return settings.model_copy(update={"ids": (), "drop": ()})


def replay_all(
    worlds: Worlds, past: PastRows, policies: Mapping[str, Decides], *, shuffles: int
) -> Backtest:
    """Replay all policies and schedules on a history, and the policies on shuffled ones."""
    settings = worlds.settings
    world = worlds.open(past, policies.values(), "models", everything=True)
    found = {name: replay(world, policy, name) for name, policy in policies.items()}
    alarms, batches = _false_alarms(worlds, past, policies, world, shuffles)
    least, most = never(world), always(world)
    return Backtest(
        problem=settings.name,
        metric=settings.metric,
        greater_is_better=settings.metric_object.greater_is_better,
        batches=world.names[1:],
        refused=past.refused,
        share_of_rows=past.share,
        hyperparameters=worlds.known.source,
        label_delay=worlds.label_delay,
        schedules=tuple(
            Judged(one, share_of_gain(world, one, least, most))
            for one in (least, most, oracle(world))
        ),
        policies=tuple(
            Judged(
                one,
                share_of_gain(world, one, least, most),
                oracle(world, one.retunes).mean,
                alarms[name] if shuffles else None,
                batches,
                _search_seconds(settings, one),
            )
            for name, one in found.items()
        ),
    )


def _false_alarms(
    worlds: Worlds,
    past: PastRows,
    policies: Mapping[str, Decides],
    world: PastWorld,
    shuffles: int,
) -> tuple[dict[str, int], int]:
    """Count alarms where nothing drifts, by policy, and the batches that they came in."""
    alarms, batches = dict.fromkeys(policies, 0), 0
    block = error_block(world) if shuffles else 0
    for seed in range(shuffles):
        calm = worlds.open(
            shuffle_past(past, worlds.settings, block=block, seed=seed),
            policies.values(),
            f"shuffled history {seed + 1} of {shuffles}",
        )
        batches += len(calm.names) - 1
        for name, policy in policies.items():
            alarms[name] += replay(calm, policy, name).alarms
    return alarms, batches


@dataclass(frozen=True)
class Worlds:
    """Opens histories of one problem with one configuration.

    Attributes:
        settings: The problem, without ids and what is dropped.
        known: The hyperparameters.
        home: Where fitted models' predictions are kept.
        label_delay: Labels of a batch are there after so many further batches.
        on_stage: Called while models are fitted.
        pricing: What a retune is assumed to cost.
    """

    settings: Settings
    known: Known
    home: Path
    label_delay: int
    on_stage: OnStage
    pricing: Pricing | None = None

    def open(
        self,
        past: PastRows,
        policies: Iterable[Decides],
        stage: str,
        *,
        everything: bool = False,
    ) -> PastWorld:
        """Lay out a history and fit, several at a time, what its replays will surely ask for."""
        world = past_world(
            self.settings, past, self.known, self.home,
            workers=usable_cores(), label_delay=self.label_delay, pricing=self.pricing,
        )  # fmt: skip
        lasts = range(len(world.names) - 1 if everything else 1)
        world.matrix.fill(
            [world.matrix.ask_serving(last) for last in lasts], on_fit=self._tell(stage)
        )
        probes = [ask for policy in policies for ask in _probes(world, policy)]
        world.probes.fill(probes, on_fit=self._tell(f"{stage}: probes"))
        self.on_stage(f"{stage}: replay", 0, 0)
        return world

    def _tell(self, stage: str) -> Callable[[int, int], None]:
        return lambda done, wanted: self.on_stage(stage, done, wanted)


def _probes(world: PastWorld, policy: Decides) -> list[Ask]:
    """Return the probes that are compared with those of the first champion's rows."""
    most = getattr(policy, "probe_rows", None)
    if most is None or getattr(policy, "cost", None) is None:
        return []
    return world.ask_all_probes(plan_probes(len(world.history.known(0)), most))


def _search_seconds(settings: Settings, one: Replayed) -> float | None:
    """Return what searches may take at most; a retrain and a recall need none."""
    searches = sum(step.action == "retune" for step in one.steps)
    limit = settings.tuning.budget.seconds
    return 0.0 if not searches else None if limit is None else searches * limit
