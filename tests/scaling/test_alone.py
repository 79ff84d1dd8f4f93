"""``driftune.scaling`` is usable alone: NumPy and SciPy are all that it needs."""

import subprocess
import sys

import driftune.scaling

PROGRAM = """
import sys
for name in "pandas sklearn lightgbm optuna mlflow kedro pydantic matplotlib".split():
    sys.modules[name] = None
from driftune.scaling import PLRF, Observation, fit_learning_curve, plan_budget
sizes = (500, 1000, 2000, 4000, 8000)
pilots = [Observation(n, 1 + 20 * n**-0.5, 0.01, n / 5000, 100, 31) for n in sizes]
print(round(fit_learning_curve(pilots).predict(16_000).loss, 2))
print(plan_budget(pilots, seconds=600, rows=16_000).rows, PLRF(1.0, 0.7, d=400).phase())
"""


def test_it_runs_without_the_rest_of_the_library():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1.16", "16000", "II"]


def test_every_public_name_is_there_and_explains_itself():
    for name in driftune.scaling.__all__:
        assert getattr(driftune.scaling, name).__doc__
