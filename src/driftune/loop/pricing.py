"""What the problem's next retune will cost, from what its earlier ones really took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftune.monitoring import TriggerPolicy
from driftune.monitoring.retune_cost import RetuneCost
from driftune.scaling.advise.retune_price import break_even_regret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftune.monitoring import Observation
    from driftune.monitoring.world import Decides
    from driftune.project import Project
    from driftune.settings import Settings

TRAINING = ("retune", "retrain")  # a recall trains nothing


@dataclass(frozen=True)
class Effort:
    """What one retune takes.

    Attributes:
        seconds: From its beginning to the gate's verdict.
        dollars: What its language model is paid.
    """

    seconds: float
    dollars: float


@dataclass(frozen=True)
class Pricing:
    """Prices a retune under any policy, the same in the live loop and in a backtest.

    Attributes:
        settings: The problem; its metric says what a loss is.
        efforts: Action -> what it takes; ``None`` where nobody can say.
    """

    settings: Settings
    efforts: Mapping[str, Effort | None]

    def price(self, policy: Decides, seen: Observation) -> RetuneCost | None:
        """Return what a retune costs beside this batch; ``None`` where ``policy.cost`` holds."""
        if not isinstance(policy, TriggerPolicy) or policy.value_per_unit_loss is None:
            return None
        effort = self.efforts["retrain" if policy.action == "retrain" else "retune"]
        if effort is None:
            return None
        loss = self.settings.metric_object.flip(seen.reference_value)
        fixed = policy.retune_price or 0.0
        regret = break_even_regret(
            effort.seconds,
            effort.dollars,
            price_per_hour=policy.price_per_hour or 0.0,
            retune_price=fixed,
            value_per_unit_loss=policy.value_per_unit_loss,
            loss=loss,
        )
        batch_loss = policy.value_per_unit_loss * loss
        return RetuneCost(regret, batch_loss, effort.seconds, effort.dollars, fixed)


def read_pricing(project: Project, settings: Settings) -> Pricing:
    """Price what the problem's retunes took on average, or may take before the first one."""
    return Pricing(
        settings,
        {
            action: usual_effort(project, settings, action) or allowed_effort(settings, action)
            for action in TRAINING
        },
    )


def usual_effort(project: Project, settings: Settings, action: str) -> Effort | None:
    """Return the mean over the problem's finished retunes, without those that were interrupted."""
    done = [
        row
        for row in project.ledger.retunes(settings.name)
        if row.action == action and "seconds" in row.details
    ]
    if not done:
        return None
    paid = {row.retune_id: row.cost_usd for row in project.ledger.spend(settings.name)}
    return Effort(
        sum(row.details["seconds"] for row in done) / len(done),
        sum(paid.get(row.id, 0.0) for row in done) / len(done),
    )


def allowed_effort(settings: Settings, action: str) -> Effort | None:
    """Return what the search's budget allows; ``None`` without a limit of time.

    A retrain asks no language model.
    """
    plan = settings.tuning
    if plan.budget.seconds is None:
        return None
    asks = action == "retune" and plan.language_model and plan.budget.allows_language_model
    return Effort(plan.budget.seconds, plan.budget.max_llm_cost_usd or 0.0 if asks else 0.0)
