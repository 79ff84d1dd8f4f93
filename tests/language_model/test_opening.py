from __future__ import annotations

import subprocess
import sys

import pytest

from driftune.errors import UsageError
from driftune.language_model import (
    CachedLanguageModel,
    LanguageModel,
    LiteLLMLanguageModel,
    ScriptedLanguageModel,
    open_language_model,
)


@pytest.mark.parametrize("spec", [None, "none", "None", ""])
def test_no_model(spec):
    assert open_language_model(spec) is None


def test_scripted_and_real(tmp_path):
    assert isinstance(open_language_model("scripted:tuner"), ScriptedLanguageModel)
    assert isinstance(open_language_model("gpt-4o-mini"), LiteLLMLanguageModel)
    cached = open_language_model("gpt-4o-mini", cache_folder=tmp_path)
    assert isinstance(cached, CachedLanguageModel)
    assert isinstance(cached, LanguageModel)


def test_a_wrong_script_offers_the_right_one():
    with pytest.raises(UsageError, match="scripted:tuner"):
        open_language_model("scripted:tunr")


def test_importing_pulls_in_nothing_heavy():
    code = (
        "import sys, driftune.sampler, driftune.language_model\n"
        "heavy = {'litellm', 'pydantic', 'sklearn', 'pandas', 'lightgbm', 'mlflow', 'openai'}\n"
        "sys.exit(','.join(heavy & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
