"""What one study leaves for the next: the best of it, diverse, and in the right order."""

import json

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from driftune.errors import UsageError
from driftune.sampler.experience import (
    EarlierStudy,
    are_close,
    configurations,
    distance,
    pick_diverse,
)

SPACE = {"rate": FloatDistribution(1e-4, 1.0, log=True), "share": FloatDistribution(0.0, 1.0)}
HERE = {"log_rows": 4.0, "missing": 0.0}


def trial(rate, share, value, state=TrialState.COMPLETE):
    return create_trial(
        params={"rate": rate, "share": share},
        distributions=SPACE,
        value=value if state == TrialState.COMPLETE else None,
        state=state,
    )


def earlier(study, *, problem="other", features=HERE, best=(1,), finished=0.0):
    entries = [{"params": {"x": x}, "value": 0.0} for x in best]
    return EarlierStudy(problem, study, "lightgbm", dict(features), entries, finished)


def order(studies, **wanted):
    asked = {"problem": "mine", "study": "now", "features": HERE} | wanted
    return [params["x"] for params in configurations(studies, **asked)]


def test_the_best_and_the_next_best_that_differ_are_kept():
    best = [trial(0.1, 0.5, 1.0), trial(0.101, 0.5, 1.1), trial(0.001, 0.5, 1.2)]
    worse = [trial(0.5, i / 12, 5.0 + i) for i in range(12)]
    failed = trial(0.9, 0.9, None, TrialState.FAIL)
    kept = pick_diverse([*worse, failed, *best], StudyDirection.MINIMIZE)
    assert [entry["value"] for entry in kept] == [1.0, 1.2, 5.0]
    assert kept[0]["params"] == {"rate": 0.1, "share": 0.5}
    highest = pick_diverse([*worse, *best], StudyDirection.MAXIMIZE)
    assert highest[0]["value"] == 16.0


def test_what_is_diverse_but_bad_is_not_kept():
    trials = [trial(0.1, 0.5, 1.0), trial(0.9, 0.9, 90.0), trial(1e-4, 0.1, 99.0)]
    assert len(pick_diverse(trials, StudyDirection.MINIMIZE)) == 1
    assert pick_diverse([], StudyDirection.MINIMIZE) == []


def test_infeasible_trials_are_no_example():
    study = optuna.create_study()
    for value, violation in ((1.0, 1.0), (2.0, -1.0)):
        asked = study.ask(SPACE)
        asked.set_constraint("limit", violation)
        study.tell(asked, value)
    kept = pick_diverse(study.get_trials(), StudyDirection.MINIMIZE)
    assert [entry["value"] for entry in kept] == [2.0]


def test_the_same_problem_comes_first_newest_first_then_the_nearest():
    studies = [
        earlier("far", features={"log_rows": 6.0, "missing": 0.0}, best=[4]),
        earlier("near", features={"log_rows": 4.1, "missing": 0.0}, best=[3]),
        earlier("old", problem="mine", features={"log_rows": 9.0, "missing": 0.5}, best=[2]),
        earlier("new", problem="mine", finished=1.0, best=[1]),
    ]
    assert order(studies) == [1, 2, 3, 4]


def test_the_best_of_each_comes_before_the_second_best_of_any():
    studies = [earlier("a", best=[1, 3, 5]), earlier("b", best=[2, 4], finished=-1.0)]
    assert order(studies) == [1, 2, 3, 4, 5]


def test_a_study_is_not_its_own_teacher():
    studies = [
        earlier("now", problem="mine", best=[1]),
        earlier("before", problem="mine", best=[2]),
    ]
    assert order(studies) == [2]


def test_data_of_another_kind_is_never_near():
    assert order([earlier("classes", features={"log_classes": 1.0})]) == []
    assert distance(HERE, {"log_classes": 1.0}) == float("inf")


def test_close_configurations_are_told_from_others():
    one = {"rate": 0.1, "share": 0.5}
    assert are_close(one, {"rate": 0.11, "share": 0.52}, SPACE)
    assert not are_close(one, {"rate": 0.001, "share": 0.5}, SPACE)
    assert not are_close(one, {"rate": 0.1}, SPACE)


numbers = st.floats(allow_nan=False, allow_infinity=False)
values = st.one_of(numbers, st.integers(), st.booleans(), st.text(), st.none())


@settings(max_examples=40, deadline=None)
@given(
    problem=st.text(),
    features=st.dictionaries(st.text(), numbers),
    params=st.lists(st.dictionaries(st.text(), values), max_size=3),
    finished=numbers,
)
def test_a_record_reads_back_as_it_was(problem, features, params, finished):
    best = [{"params": entry, "value": 1.5} for entry in params]
    study = EarlierStudy(problem, "s", "lightgbm", features, best, finished)
    assert EarlierStudy.from_json(study.to_json()) == study


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "null", '{"problem": "p"}', "nan", '{"best": 1}']
)
def test_other_text_is_no_record(text):
    with pytest.raises(UsageError):
        EarlierStudy.from_json(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [("features", {"log_rows": float("nan")}), ("features", {"log_rows": "many"}),
     ("features", [1]), ("best", [{"params": [1]}]), ("best", [1]), ("best", 3),
     ("finished", "now"), ("finished", float("inf")), ("study", None)],
)  # fmt: skip
def test_a_record_with_a_wrong_part_is_no_record(key, value):
    content = json.loads(earlier("a").to_json()) | {key: value}
    with pytest.raises(UsageError):
        EarlierStudy.from_json(json.dumps(content))
