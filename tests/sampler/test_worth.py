"""Did the model earn its money: simulated studies whose truth is known."""

from datetime import datetime, timedelta

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from driftune.sampler import credit_by_source
from driftune.sampler.worth import estimate_without_model

START = datetime(2026, 1, 1)
RESAMPLES = 300


def make_study(values, sources, *, cost_usd=0.01):
    """Finished trials in order; a value of ``None`` is a failure."""
    trials = []
    for number, (value, source) in enumerate(zip(values, sources, strict=True)):
        facts = {"driftune:source": source}
        if source == "llm":
            facts |= {"driftune:calls": 1, "driftune:model": "some/model"}
            facts |= {} if cost_usd is None else {"driftune:cost_usd": cost_usd}
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        trial = optuna.trial.create_trial(state=state, value=value, system_attrs=facts)
        trial.number = trial._trial_id = number
        trial.datetime_complete = START + timedelta(seconds=number)
        trials.append(trial)
    return trials


def weigh(values, sources, direction="minimize", **changes):
    trials = make_study(values, sources, **changes)
    return estimate_without_model(trials, direction, n_resamples=RESAMPLES)


def draw_sources(rng, n, share=0.35):
    return ["warm_start"] * 5 + ["llm" if rng.random() < share else "tpe" for _ in range(n - 5)]


def draw_normal(rng, n):
    return rng.normal(size=n)


def draw_skewed(rng, n):
    return rng.lognormal(size=n)


def draw_learning(rng, n):
    return 0.3 * rng.normal(size=n) - 0.5 * np.log1p(np.arange(n))


@pytest.mark.parametrize("draw", [draw_normal, draw_skewed, draw_learning])
def test_the_interval_holds_another_study_when_the_model_is_as_good_as_the_others(draw):
    rng = np.random.default_rng(1)
    covered, earned, below = [], [], []
    for _ in range(150):
        values = draw(rng, 40)
        worth = weigh(values, draw_sources(rng, 40))
        truth = min(values[:5].min(), draw(rng, 40)[5:].min())  # same warm start, no model
        covered.append(worth.low <= truth <= worth.high)
        below.append(truth < worth.estimate)
        earned.append(worth.verdict == "earned")
    assert 0.88 <= np.mean(covered) <= 0.995
    assert np.mean(earned) <= 0.05
    assert 0.35 <= np.mean(below) <= 0.65


def test_a_better_model_than_luck_allows_earned_its_money():
    rng = np.random.default_rng(0)
    sources = draw_sources(rng, 40)
    values = [v - 12 * (s == "llm") for v, s in zip(rng.normal(size=40), sources, strict=True)]
    worth = weigh(values, sources)
    assert worth.verdict == "earned"
    assert worth.reached < worth.low <= worth.estimate <= worth.high
    assert worth.share > 0.8


def test_a_model_that_never_improves_is_cost_without_gain():
    rng = np.random.default_rng(0)
    sources = draw_sources(rng, 40)
    values = [v + 50 * (s == "llm") for v, s in zip(rng.normal(size=40), sources, strict=True)]
    worth = weigh(values, sources)
    assert worth.verdict == "cost without gain"
    assert (worth.share, worth.trials, worth.calls) == (0.0, sources.count("llm"), worth.trials)


def test_turns_wasted_on_a_hopeless_model_would_have_gone_to_the_others():
    rng = np.random.default_rng(0)
    ahead = []
    for _ in range(60):
        sources = draw_sources(rng, 40, share=0.6)
        values = rng.normal(size=40)
        values[[s == "llm" for s in sources]] = 99.0
        worth = weigh(values, sources)
        ahead.append(worth.reached - worth.estimate)
    # Expected best of 40 normal numbers less that of 5 + 0.4 * 35 of them (tables: 2.16, 1.84).
    assert 0.15 <= np.mean(ahead) <= 0.5


def test_trials_that_cannot_owe_anything_to_the_model_keep_their_values():
    """The model is far ahead at once; the others go on where they were, and improve."""
    sources = ["warm_start", "llm", *["tpe"] * 30]
    worth = weigh([10.0, 0.0, *np.linspace(9.9, 5.0, 30)], sources)
    assert worth.verdict == "earned"
    assert 4.0 < worth.estimate < 8.0  # half-way at least: what they owe is at most what they won


def test_maximizing_is_the_mirror_image():
    rng = np.random.default_rng(3)
    values, sources = rng.normal(size=30), draw_sources(rng, 30)
    down, up = weigh(values, sources), weigh(-values, sources, "maximize")
    assert (up.verdict, up.trials, up.share) == (down.verdict, down.trials, down.share)
    assert (up.reached, up.estimate) == (-down.reached, -down.estimate)
    assert (up.low, up.high) == (-down.high, -down.low)
    assert up.low < up.high


def test_a_study_without_a_model_says_so():
    worth = weigh([3.0, 2.0, 1.0], ["warm_start", "tpe", "jitter"])
    assert (worth.verdict, worth.reached, worth.estimate) == ("no model", 1.0, None)


def test_few_trials_of_others_give_no_estimate():
    worth = weigh([3.0, 2.0, 1.0, 0.5], ["warm_start", "llm", "tpe", "llm"])
    assert (worth.verdict, worth.estimate, worth.low) == ("too few trials", None, None)
    assert "cannot be said" in worth.sentence("rmse")


def test_calls_that_brought_no_trial_are_cost_without_gain():
    trials = make_study([3.0, *range(12)], ["warm_start", *["tpe"] * 12])
    trials[4].system_attrs.update({"driftune:calls": 2, "driftune:fallback": "unusable"})
    worth = estimate_without_model(trials, "minimize")
    assert (worth.verdict, worth.trials, worth.calls) == ("cost without gain", 0, 2)


def test_a_first_trial_that_nobody_beat_is_not_held_against_the_model():
    values = [0.0, *np.linspace(1, 2, 20)]
    worth = weigh(values, ["llm", *["tpe"] * 20])
    assert (worth.verdict, worth.share) == ("earned", 0.0)


def test_failures_and_infinite_scores_are_turns_lost():
    rng = np.random.default_rng(0)
    sources = draw_sources(rng, 40)
    values = [None if n % 5 == 0 else v for n, v in enumerate(rng.normal(size=40))]
    values[6], values[7] = float("inf"), None
    worth = weigh(values, sources)
    assert np.isfinite([worth.reached, worth.estimate, worth.low, worth.high]).all()
    assert weigh([None] * 40, sources).verdict == "cost without gain"


def test_the_same_study_gives_the_same_answer():
    rng = np.random.default_rng(5)
    values, sources = rng.normal(size=30), draw_sources(rng, 30)
    assert weigh(values, sources) == weigh(values, sources)


def test_the_sentence_holds_the_numbers():
    rng = np.random.default_rng(0)
    sources = draw_sources(rng, 40)
    sources[-3:] = ["jitter"] * 3
    worth = weigh(rng.normal(size=40), sources, cost_usd=0.005)
    said = worth.sentence("rmse")
    facts = [worth.reached, worth.estimate, worth.low, worth.high]
    assert all(f"{fact:.5g}" in said for fact in facts)
    assert f"{worth.calls} calls for ${worth.calls * 0.005:.4f}" in said
    assert "null model" in said
    assert "3 trials for nothing" in said


def test_an_unknown_price_is_said_to_be_unknown():
    sources = ["warm_start", *["tpe", "llm"] * 10]
    unpriced = weigh(np.linspace(5, 1, 21), sources, cost_usd=None)
    assert unpriced.unpriced_calls == unpriced.calls == 10
    assert "price unknown" in unpriced.sentence("rmse")
    free = weigh(np.linspace(5, 1, 21), sources, cost_usd=0.0)
    assert "$0.0000" in free.sentence("rmse")


def test_shares_sum_to_one_and_the_warm_start_stands_apart():
    values = [5.0, 4.0, 3.5, 3.0, 3.0, 1.0]
    sources = ["warm_start", "warm_start", "tpe", "llm", "jitter", "llm"]
    credits = {c.source: c for c in credit_by_source(make_study(values, sources))}
    assert credits["warm_start"].share is None
    assert credits["warm_start"].gain == 1.0
    assert credits["llm"].share == pytest.approx(2.5 / 3)
    assert credits["tpe"].share == pytest.approx(0.5 / 3)
    assert credits["jitter"].share == 0.0
    assert (credits["llm"].calls, credits["llm"].cost_usd) == (2, 0.02)


def test_shares_are_zero_when_nothing_improved():
    credits = credit_by_source(make_study([1.0, 2.0, 3.0], ["warm_start", "tpe", "llm"]))
    assert [credit.share for credit in credits] == [None, 0.0, 0.0]


def test_fallbacks_and_vetoes_are_charged_to_the_model():
    trials = make_study([1.0, 2.0, 3.0], ["warm_start", "tpe", "tpe"])
    trials[1].system_attrs["driftune:vetoed"] = 2
    trials[2].system_attrs["driftune:fallback"] = "duplicate"
    (credit,) = [c for c in credit_by_source(trials) if c.source == "llm"]
    assert (credit.trials, credit.vetoes, credit.fallbacks) == (0, 2, 1)


def test_a_question_whose_end_nobody_heard_is_told():
    trials = make_study([3.0, *range(12)], ["warm_start", *["tpe"] * 12])
    asked = [{"id": "12.0", "calls": 2, "worst_usd": 0.06}]
    trials[12].system_attrs["driftune:asked"] = asked
    worth = estimate_without_model(trials, "minimize")
    assert (worth.verdict, worth.calls) == ("cost without gain", 0)
    assert (worth.unheard_calls, worth.unheard_usd) == (2, 0.06)
    assert "at most $0.0600 for 2 calls" in worth.sentence("rmse")
    trials[12].system_attrs |= {"driftune:answered": ["12.0"], "driftune:calls": 1}
    assert estimate_without_model(trials, "minimize").unheard_calls == 0


def test_the_first_finite_value_improves_on_nothing():
    values, sources = [float("inf"), 5.0, 4.0], ["warm_start", "tpe", "llm"]
    credits = {c.source: c for c in credit_by_source(make_study(values, sources))}
    assert (credits["tpe"].gain, credits["llm"].share) == (0.0, 1.0)
