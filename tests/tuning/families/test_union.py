"""Several families in one study: the choice is searched, found, refitted and remembered."""

import pickle

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftune.errors import UsageError
from driftune.tuning import Budget, SearchSpace, TuningResult, predict, refit, tune
from driftune.tuning.families import find_family, get_family
from driftune.tuning.families.union import choose
from driftune.tuning.fold_work import FoldWork
from driftune.tuning.prepared import prepare
from driftune.tuning.starters import starters
from driftune.tuning.task import load_task

PAIR = ["lightgbm", "linear"]


def test_the_best_family_is_found_refitted_and_read_back(shops, make_problem):
    problem = make_problem("rmse")
    result = tune(
        problem, shops, family=PAIR, budget=Budget(max_trials=6), n_folds=2, n_jobs=1, seed=1
    )
    assert result.family == "lightgbm+linear"
    tried = [params["family"] for params in result.trials["params"]]
    assert tried[:2] == PAIR, "the default of each family comes first"
    assert result.trials["source"].tolist()[:2] == ["warm_start"] * 2
    assert len(set(result.trials["source"])) > 1
    for params in result.trials["params"]:
        assert all(n == "family" or n.startswith(params["family"] + ".") for n in params)
    assert result.best_params["family"] == "linear", "the target is nearly linear"
    back = TuningResult.from_dict(result.to_dict())
    model = refit(problem, shops, back, n_jobs=1)
    assert "Ridge" in repr(model) or "ElasticNet" in repr(model)
    error = np.abs(predict(model, shops, "regression") - shops["sales"]).mean()
    assert error < shops["sales"].std() / 2


def test_each_member_fits_as_it_would_alone(shops, make_problem):
    task = load_task(
        make_problem("roc_auc"),
        shops,
        get_family(PAIR),
        SearchSpace.load(None, get_family(PAIR)),
        2,
        0,
    )
    work = pickle.loads(pickle.dumps(FoldWork(task.table, task.folds, task.family, 0)))
    fitter = work.fitter(1)
    for name, params in (("lightgbm", {"num_leaves": 7}), ("linear", {"alpha": 0.1})):
        alone = get_family(name).fold_fitter(task.table, task.folds, n_jobs=1, seed=0)
        chosen = {"family": name} | {f"{name}.{key}": value for key, value in params.items()}
        np.testing.assert_array_equal(
            fitter.fit(1, chosen, stop=lambda: False).prediction,
            alone.fit(1, params, stop=lambda: False).prediction,
        )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_a_configuration_belongs_to_one_member_alone(seed):
    family = get_family(["lightgbm", "linear", "mlp", "extra_trees"])
    space = SearchSpace.load(None, family)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    params = space.suggest(study.ask())
    member, own = choose(family, params)
    alone = SearchSpace.load(None, member)
    assert alone.nearest(own) == own
    assert len(own) == len(params) - 1
    assert SearchSpace.parse(space.to_dict()) == space


def test_each_family_may_have_its_own_space():
    family = get_family(PAIR)
    space = SearchSpace.load(
        {
            "lightgbm": "sllmbo-paper",
            "linear": {
                "penalty": {"type": "categorical", "choices": ["l2", "elastic_net"]},
                "l1_ratio": {
                    "type": "float", "low": 0.1, "high": 0.9, "when": {"penalty": "elastic_net"},
                },
            },
        },
        family,
    )  # fmt: skip
    assert space.parameters["lightgbm.num_leaves"].high == 3000
    assert list(space.when["linear.l1_ratio"]) == ["family", "linear.penalty"]
    assert space.nearest({"family": "linear", "linear.penalty": "l2", "linear.l1_ratio": 0.5}) == {
        "family": "linear", "linear.penalty": "l2",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("family", "space", "told"),
    [
        (["lightgbm", "lightgbm"], None, "twice"),
        (["lightgbm", "lineal"], None, "Did you mean 'linear'"),
        (["lightgbm", "auto"], None, "tuning.family"),
        ([], None, "tuning.family"),
        (PAIR, {"linaer": {}}, "Did you mean 'linear'"),
        (PAIR, {"linear": {"alhpa": {"type": "float", "low": 1, "high": 2}}}, "'alpha'"),
        (PAIR, "sllmbo-paper", "linear"),
        ("lineal", None, "Did you mean 'linear'"),
    ],
)
def test_a_wrong_choice_of_families_is_refused(family, space, told):
    with pytest.raises(UsageError) as refusal:
        SearchSpace.load(space, get_family(family))
    assert told in str(refusal.value)


def test_what_one_family_found_starts_a_study_of_several_and_back(shops, make_problem):
    prepared = prepare(make_problem("rmse"), shops)
    pair, single = get_family(PAIR), get_family("lightgbm")

    def first(family, params):
        space = SearchSpace.load(None, family)
        found = starters(space, family, prepared, first=[params], earlier=[], max_trials=3)
        return found[0]

    alone = {"num_leaves": 9, "learning_rate": 0.2}
    together = {"family": "lightgbm", "lightgbm.num_leaves": 9, "lightgbm.learning_rate": 0.2}
    assert first(pair, alone) == together
    assert first(single, together) == alone
    other = {"family": "mlp", "mlp.alpha": 0.1}  # of a family that is not searched any more
    assert first(pair, other)["family"] == "lightgbm"
    assert first(single, {"alpha": 0.1}) == first(single, {}), "no start without a known value"


def test_portfolios_of_the_families_take_turns(shops, make_problem):
    family = get_family(["lightgbm", "extra_trees"])
    found = starters(
        SearchSpace.load(None, family), family, prepare(make_problem("rmse"), shops),
        first=[], earlier=[], max_trials=None,
    )  # fmt: skip
    assert [params["family"] for params in found][:6] == ["lightgbm", "extra_trees"] * 3
    assert len(found) > 8


def test_a_study_of_other_families_is_another_study(shops, make_problem, tmp_path):
    names = {
        tune(
            make_problem("rmse"), shops, family=family, budget=Budget(max_trials=1), n_folds=2,
            n_jobs=1, storage=tmp_path / "studies.db",
        ).study_name
        for family in ("linear", ["linear", "lightgbm"], ["lightgbm", "linear"])
    }  # fmt: skip
    assert len(names) == 3


def test_a_result_finds_its_families_again():
    assert find_family("lightgbm+linear").name == "lightgbm+linear"
    with pytest.raises(UsageError, match=r"sklearn\.svm\.NuSVR"):
        find_family("lightgbm+sklearn.svm.NuSVR")
