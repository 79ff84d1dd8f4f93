"""Retune: data -> features -> tune -> train -> gate -> promote, under a lease, for one problem."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from driftune.errors import LeaseLost, ServiceUnavailable
from driftune.ledger.ledger import OPEN_STATES, WAITING
from driftune.loop.probing import labelled_rows
from driftune.loop.proof import conclude, judge, read_verdict
from driftune.problem_file import merge
from driftune.promotion.registry import CHAMPION
from driftune.tracking import answering

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pandas import DataFrame

    from driftune.ledger import Lease, RetuneRow
    from driftune.monitoring.decision import Action
    from driftune.project import Project
    from driftune.promotion import Verdict
    from driftune.promotion.registry import Registry
    from driftune.settings import Settings


KNOWN_AGAIN = {"budget": {"max_trials": 1}, "language_model": None}  # a retrain: one known trial


def retune_id(
    settings: Settings,
    through: str,
    *,
    action: Action = "retune",
    candidate: int | None = None,
    revision: int = 0,
) -> str:
    """Name a retune after its data and its configuration: the same again is the same retune.

    A batch whose labels came late is other data: its ``revision`` is part of the name.
    """
    text = settings.model_dump_json(include={"target", "metric", "drop", "features", "tuning"})
    what = {"retune": "", "retrain": "-retrain", "recall": f"-recall-v{candidate}"}[action]
    again = f"-r{revision}" if revision else ""
    return f"{settings.name}-{through}-{sha256(text.encode()).hexdigest()[:6]}{what}{again}"


@dataclass
class Retune:
    """One retune: its steps, in order, each safe to call again.

    Attributes:
        project: Where it runs.
        settings: The problem.
        id: Its key in the ledger, in MLflow and in the registry.
        lease: The right to change the champion.
    """

    project: Project
    settings: Settings
    id: str
    lease: Lease

    @property
    def row(self) -> RetuneRow:
        """Its record in the ledger."""
        return self.project.ledger.retune(self.id)

    @property
    def registry(self) -> Registry:
        """The registry of the problem's model."""
        return self.project.registry(self.settings.name)

    @property
    def candidate(self) -> int | None:
        """The earlier champion that is to be recalled; None where a model is to be made."""
        return self.row.details.get("candidate")

    @property
    def parameters(self) -> dict[str, Any]:
        """Runtime parameters of the pipelines: the problem, the batches, the key."""
        tuning = self.row.details.get("tuning", {})
        if self.row.action == "retrain":
            tuning = merge(tuning, KNOWN_AGAIN)
        return {
            "problem": self.settings.name,
            "batches": self.batches,
            "retune_id": self.id,
            **({"tuning": tuning} if tuning else {}),
        }

    @property
    def batches(self) -> list[str]:
        """The initial rows and the accepted batches up to the one that asked for the retune."""
        first, through = self.settings.rows.stem, self.row.through
        accepted = self.project.ledger.accepted_batches(self.settings.name)
        if through in (None, first):
            return [first]
        upto = accepted.index(through) + 1 if through in accepted else len(accepted)
        return [first, *accepted[:upto]]

    def validate(self) -> None:
        """1. Check the rows; bad ones are put aside, a bad table stops here."""
        self.project.run_pipelines("data_validation", **self.parameters)

    def make_features(self) -> None:
        """2. Join and derive the features."""
        self.project.run_pipelines("feature_engineering", **self.parameters)

    def tune(self) -> None:
        """3. Search on all rows but the newest; a stopped study is taken up where it stood."""
        result = self.project.run_pipelines("tuning", want="tuning_result", **self.parameters)
        self.project.ledger.record_spend(
            self.id,
            self.settings.name,
            calls=result["llm_calls"],
            cost_usd=result["llm_cost_usd"],
        )
        self.project.ledger.set_retune(
            self.id, "running", lease=self.lease, best_params=result["best_params"]
        )

    def train(self) -> int:
        """4. Fit the best configuration and register it as challenger; returns the version."""
        made = self.project.run_pipelines("training", want="challenger", **self.parameters)
        version = int(made["version"])
        self.project.ledger.set_retune(self.id, "running", lease=self.lease, version=version)
        return version

    def judge(self, version: int) -> Verdict:
        """5. Compare challenger and champion on the rows that the search never saw."""
        before = self.row.details.get("verdict")
        if before and self.registry.version_of(CHAMPION) == version:
            return read_verdict(before)  # killed after the promotion: who it beat no longer serves
        rows = None if self.candidate is None else self.rows_of_evidence()
        verdict = judge(self.project, self.settings, version, rows=rows)
        self.registry.tag(version, driftune__gate=json.dumps(asdict(verdict)))
        self.project.ledger.set_retune(
            self.id, "running", lease=self.lease, version=version, verdict=asdict(verdict)
        )
        return verdict

    def rows_of_evidence(self) -> DataFrame:
        """Return the labelled rows of the newest batches, on which a recalled version was better.

        Neither it nor the champion has learned from them.
        """
        over = self.row.details.get("over", 1)
        features = self.project.load_dataset("features", problem=self.settings.name)
        return labelled_rows(self.settings, features, self.batches[-over:])

    def conclude(self, version: int, verdict: Verdict) -> RetuneRow:
        """6. Promote the challenger, let it wait (``gate.mode``), or leave the champion."""
        status = conclude(
            self.project,
            self.settings,
            version,
            verdict,
            retune_id=self.id,
            lease=self.lease,
            judge_again=lambda: self.judge(version),
        )
        return self.project.ledger.set_retune(self.id, status, lease=self.lease)


def retune(
    project: Project,
    settings: Settings,
    *,
    trigger: str = "manual",
    reason: str = "asked for",
    through: str | None = None,
    tuning: dict[str, Any] | None = None,
) -> RetuneRow:
    """Retune one problem, once per state of its data and configuration.

    Args:
        project: Where to run.
        settings: The problem.
        trigger: Who asked: ``manual``, ``schedule``.
        reason: Why, in a sentence.
        through: Newest batch to learn from; default: the newest accepted one.
        tuning: Overrides of the problem's section ``tuning``.

    Returns:
        The retune's record, see :func:`carry_out`.
    """
    if tuning:
        settings = settings.model_copy(update={"tuning": settings.tuning_with(tuning)})
    row = request(project, settings, trigger=trigger, reason=reason, through=through)
    return carry_out(project, settings, row.id, tuning=tuning)


def request(
    project: Project, settings: Settings, *, trigger: str, reason: str, through: str | None = None
) -> RetuneRow:
    """Enter a retune into the queue; the same data and configuration give the same entry."""
    accepted = project.ledger.accepted_batches(settings.name)
    through = through or (accepted[-1] if accepted else settings.rows.stem)
    return project.ledger.request_retune(
        retune_id(settings, through), settings.name, trigger=trigger, reason=reason, through=through
    )


def carry_out(
    project: Project, settings: Settings, wanted: str, *, tuning: dict[str, Any] | None = None
) -> RetuneRow:
    """Do what is left of a retune in the queue; killed anywhere, the same call goes on from there.

    Returns:
        The retune's record. ``promoted`` or ``refused`` when it is done (also when an earlier call
        did it), ``merged_into`` when another one is running, ``running`` when another process
        works on this very one.

    Raises:
        LeaseLost: Another process took over; nothing was changed.
    """
    with claim(project, settings, wanted, tuning=tuning) as run:
        if run is not None:
            run.validate()
            run.make_features()
            version = run.candidate
            if version is None:
                run.tune()
                version = run.train()
            run.conclude(version, run.judge(version))
    return project.ledger.retune(wanted)


@contextmanager
def claim(
    project: Project, settings: Settings, wanted: str, *, tuning: dict[str, Any] | None = None
) -> Iterator[Retune | None]:
    """Take the lease for a retune in the queue; ``None`` when there is nothing to do here.

    An error inside the block goes on record as ``failed`` before it goes on its way; a kill leaves
    ``running`` with a lease that expires. Either way a later claim takes the work up. A service
    that is away fails nothing: the retune is back in the queue, and the next tick tries again.
    """
    ledger = project.ledger
    lease = ledger.lease(settings.name) if ledger.retune(wanted).status in OPEN_STATES else None
    if lease is None:
        _merge(project, settings, ledger.retune(wanted))
        yield None
        return
    with lease:
        row = ledger.retune(wanted)  # whoever held the lease until now may have done it
        if row.status not in OPEN_STATES or _superseded(project, row, lease):
            yield None
            return
        ledger.set_retune(
            row.id,
            "running",
            lease=lease,
            announced_at="",
            **({"tuning": tuning} if tuning else {}),
        )
        try:
            with answering(project.tracking_uri):
                yield Retune(project, settings, row.id, lease)
        except LeaseLost:
            raise
        except ServiceUnavailable as error:
            ledger.set_retune(row.id, "queued", lease=lease, error=str(error))
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {error}"
            ledger.set_retune(row.id, "failed", lease=lease, error=why)
            raise
        _supersede(project, ledger.retune(wanted), lease)


def _superseded(project: Project, row: RetuneRow, lease: Lease) -> bool:
    """Merge older requests into this one; say whether a newer one waits that includes it."""
    others = [other for other in project.ledger.open_retunes(row.problem) if other.id != row.id]
    newer = [other for other in others if other.requested_at > row.requested_at]
    if newer and project.ledger.merge_retune(row, newer[-1], lease=lease):
        return True
    for older in others:
        if older not in newer:  # its rows are among those of this one
            project.ledger.merge_retune(older, row, lease=lease)
    return False


def _supersede(project: Project, row: RetuneRow, lease: Lease) -> None:
    """End what earlier challengers wait for: a newer one waits now, or has become champion."""
    if row.status not in ("promoted", *WAITING):
        return
    for earlier in project.ledger.retunes(row.problem, *WAITING):
        if earlier.requested_at < row.requested_at:
            project.ledger.set_retune(earlier.id, "merged_into", lease=lease, merged_into=row.id)


def _merge(project: Project, settings: Settings, row: RetuneRow) -> None:
    """Leave what waits to the retune that holds the lease."""
    running = project.ledger.retunes(settings.name, "running")
    if running and row.status == "queued" and project.ledger.is_leased(settings.name):
        project.ledger.merge_retune(row, running[-1])
