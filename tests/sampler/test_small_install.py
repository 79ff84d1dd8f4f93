"""Whoever wants only the sampler installs only Optuna with it."""

import subprocess
import sys

HEAVY = ("kedro", "lightgbm", "litellm", "mlflow", "pandas", "prefect", "pydantic", "sklearn")
SCRIPT = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {HEAVY}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
import optuna
from driftune.sampler import LLMTPESampler

optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.create_study(sampler=LLMTPESampler(language_model="scripted:tuner", seed=1))
study.optimize(lambda trial: trial.suggest_float("x", -1, 1) ** 2, n_trials=15)
"""


def test_the_sampler_runs_with_optuna_alone():
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
