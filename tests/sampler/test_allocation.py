from __future__ import annotations

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import create_trial

from driftune.errors import UsageError
from driftune.sampler import (
    DecayingShare,
    EarnedShare,
    FixedShare,
    Outcome,
    library_default,
    portfolio,
)
from driftune.sampler.history import judge_trials

ALL = ["tpe", "jitter", "llm"]


def share(allocation, history, source, sources=ALL, n=2000):
    picks = [allocation.choose(history, sources, np.random.default_rng(i)) for i in range(n)]
    assert set(picks) <= set(sources)
    return picks.count(source) / n


def outcomes(source, credits):
    return [Outcome(i, source, True, 0.0, credit) for i, credit in enumerate(credits)]


def test_a_fixed_share_is_that_share():
    assert share(FixedShare(0.5), [], "llm") == pytest.approx(0.5, abs=0.04)
    both = FixedShare(0.5, jitter_share=0.25)
    assert share(both, [], "jitter") == pytest.approx(0.25, abs=0.04)
    assert share(both, [], "tpe", sources=["tpe", "jitter"]) == pytest.approx(0.75, abs=0.04)


def test_a_useless_model_loses_its_share_and_never_gets_it_back():
    rest = outcomes("tpe", [0, 0.5, 1, 0, 0.5] * 4)
    shares = [share(EarnedShare(), rest + outcomes("llm", [0] * n), "llm") for n in (0, 3, 6, 12)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.2
    assert shares[2] < 0.08
    assert shares[3] < 0.02


def test_a_good_model_earns_up_to_the_limit():
    history = outcomes("tpe", [0, 0.5, 0, 0] * 5) + outcomes("llm", [1, 0.5] * 5)
    assert share(EarnedShare(), history, "llm") == pytest.approx(0.6, abs=0.04)


def test_the_null_model_has_a_cap_and_must_be_worth_it():
    two = ["tpe", "jitter"]
    assert share(EarnedShare(), [], "jitter", two) == pytest.approx(0.3, abs=0.04)
    poor = outcomes("tpe", [0.5, 1] * 10) + outcomes("jitter", [0] * 10)
    assert share(EarnedShare(), poor, "jitter", two) < 0.05


@pytest.mark.parametrize(
    "make",
    [
        lambda: FixedShare(1.2),
        lambda: FixedShare(0.8, 0.4),
        lambda: DecayingShare(share=1.1),
        lambda: DecayingShare(half_life=0),
        lambda: DecayingShare(half_life=float("nan")),
        lambda: EarnedShare(floor=-1),
        lambda: EarnedShare(evidence=0),
    ],
)
def test_shares_that_are_no_chances_are_refused(make):
    with pytest.raises(UsageError):
        make()


def test_credit_is_strict_improvement_then_the_best_quarter():
    study = optuna.create_study(direction="maximize")
    for value in (1.0, 3.0, 3.0, 2.0, 0.0, 1.5, 2.9, 4.0):
        trial = create_trial(
            params={"x": 0.5}, distributions={"x": FloatDistribution(0, 1)}, value=value
        )
        study.add_trial(trial)
    judged = judge_trials(study.trials, study.direction)
    assert [outcome.gain for outcome in judged] == [0, 2, 0, 0, 0, 0, 0, 1]
    assert [outcome.credit for outcome in judged] == [0, 1, 0, 0, 0, 0, 0, 1]
    study.add_trial(create_trial(value=3.5))
    assert judge_trials(study.trials, study.direction)[-1].credit == 0.5


def test_portfolios_are_whole_and_diverse():
    names = set(library_default("lightgbm"))
    entries = portfolio("lightgbm")
    assert all(set(entry) == names for entry in entries)
    assert len({tuple(entry.values()) for entry in entries}) == 5
    entries[0]["num_leaves"] = 0
    assert portfolio("lightgbm")[0]["num_leaves"] != 0
    with pytest.raises(UsageError, match="lightgbm"):
        library_default("lightgmb")


def test_a_decaying_share_halves_and_does_not_count_the_warm_start():
    half = DecayingShare(0.8, half_life=5, jitter_share=0.5)
    assert share(half, outcomes("warm_start", [0] * 20), "llm") == pytest.approx(0.8, abs=0.04)
    assert share(half, outcomes("tpe", [0] * 5), "llm") == pytest.approx(0.4, abs=0.04)
    assert share(half, outcomes("llm", [1] * 10), "llm") == pytest.approx(0.2, abs=0.04)
    assert share(half, outcomes("llm", [1] * 100), "llm") == 0
    assert share(half, [], "jitter", ["tpe", "jitter"]) == pytest.approx(0.5, abs=0.04)
