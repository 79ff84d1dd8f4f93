"""The language model sees numbers only, and its budget silences it without ending the search."""

import json

from driftune.language_model import Reply
from driftune.tuning import Budget, tune

SPACE = {
    "learning_rate": {"type": "float", "low": 0.1, "high": 0.3},
    "num_leaves": {"type": "int", "low": 4, "high": 16},
}


class Recorder:
    """Proposes a fixed configuration for 60 cents, and keeps what it was told."""

    def __init__(self):
        self.told = []

    def complete(self, messages, schema):
        self.told.append(json.dumps(messages))
        rate = 0.1 + len(self.told) / 100
        proposal = {"configuration": {"learning_rate": rate, "num_leaves": 6}, "rationale": "why"}
        return Reply(text=json.dumps({"proposals": [proposal]}), cost_usd=0.6)


def run(regression, diabetes, model, **budget):
    limits = Budget(**{"max_trials": 25, **budget})
    return tune(regression, diabetes, space=SPACE, budget=limits, n_jobs=1, language_model=model)


def test_dollars_hold_and_the_search_goes_on(regression, diabetes):
    model = Recorder()
    result = run(regression, diabetes, model, max_llm_cost_usd=1.0)
    assert len(model.told) == 2
    assert result.llm_calls >= 2
    assert result.llm_cost_usd == 1.2
    assert len(result.trials) == 25
    assert result.stop_reason == "trials"
    assert "why" in set(result.trials["rationale"])


def test_b9_no_dollars_or_no_calls_means_no_question(regression, diabetes):
    for limit in ({"max_llm_cost_usd": 0}, {"max_llm_calls": 0}):
        model = Recorder()
        run(regression, diabetes, model, max_trials=9, **limit)
        assert model.told == []


def test_neither_column_names_nor_cells_reach_the_model(regression, diabetes):
    table = diabetes.rename(columns={"age": "secret_age"}).assign(
        city=["Atlantis", "Erewhon"] * 221
    )
    model = Recorder()
    run(regression, table, model)
    text = " ".join(model.told)
    assert model.told
    assert "442" in text
    for secret in ("secret_age", "city", "Atlantis", "Erewhon"):
        assert secret not in text
