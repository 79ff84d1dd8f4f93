from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from driftune.errors import LanguageModelError
from driftune.language_model import ScriptedLanguageModel, answer_as_tuner

LIMITS = (
    '{"name": "rate", "type": "float", "low": 0.001, "high": 0.3, "scale": "log"}\n'
    '{"name": "leaves", "type": "int", "low": 3, "high": 10, "scale": "linear", "step": 3}\n'
    '{"name": "kind", "type": "categorical", "choices": ["a", "b"]}\n'
)


def ask(trials, direction="minimize", count=5):
    content = f'{{"direction": "{direction}"}}\n{LIMITS}{trials}{{"propose": {count}}}'
    return answer_as_tuner([{"role": "user", "content": content}], {})["proposals"]


def trial(value, rate):
    return f'{{"value": {value}, "configuration": {{"rate": {rate}, "leaves": 6, "kind": "a"}}}}\n'


def test_replies_in_order_then_an_error():
    model = ScriptedLanguageModel(["one", LanguageModelError("down")])
    assert model.complete([{"role": "user", "content": "?"}], {}).text == "one"
    for _ in range(2):
        with pytest.raises(LanguageModelError):
            model.complete([{"role": "user", "content": "?"}], {})
    assert len(model.asked) == 3


class SlowMessages(list):
    """Gives other threads a turn while it is read."""

    def __iter__(self):
        time.sleep(0.001)
        return super().__iter__()


def test_threads_get_an_answer_each():
    model = ScriptedLanguageModel([str(number) for number in range(40)])

    def ask(_):
        return model.complete(SlowMessages([{"role": "user", "content": "?"}]), {}).text

    with ThreadPoolExecutor(8) as pool:
        texts = list(pool.map(ask, range(40)))
    assert sorted(texts, key=int) == [str(number) for number in range(40)]


def test_the_tuner_stays_inside_and_repeats_itself():
    proposals = ask("")
    assert proposals == ask("")
    assert len(proposals) == 5
    for proposal in proposals:
        configuration = proposal["configuration"]
        assert 0.001 <= configuration["rate"] <= 0.3
        assert configuration["leaves"] in (3, 6, 9)
        assert configuration["kind"] in ("a", "b")


@pytest.mark.parametrize(("direction", "near"), [("minimize", 0.002), ("maximize", 0.2)])
def test_the_tuner_stays_near_the_best(direction, near):
    trials = trial(1.0, 0.002) + trial(2.0, 0.2)
    rates = [p["configuration"]["rate"] for p in ask(trials, direction)]
    far = 0.2 if near == 0.002 else 0.002
    assert all(max(r / near, near / r) < max(r / far, far / r) for r in rates)
