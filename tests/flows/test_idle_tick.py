"""A tick of the watch flow with nothing to do must cost nearly nothing."""

import subprocess
import sys

from driftune.ledger import PromotionRow

HEAVY = ("great_expectations", "kedro", "lightgbm", "litellm", "mlflow", "pandas", "sklearn")
TICK = f"""
import sys
from flows.watch import watch
assert watch.fn("tiny") == []
print(*[name for name in {HEAVY} if name in sys.modules])
"""


def test_nothing_heavy_is_imported(project):
    for batch in project.settings("tiny").batches.iterdir():
        batch.unlink()
    project.ledger.record_promotion(
        PromotionRow(problem="tiny", version=1, kind="promotion", reason="of this test")
    )
    ran = subprocess.run([sys.executable, "-c", TICK], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == []
