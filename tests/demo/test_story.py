"""The demonstration's story on the tiny problem: told, stopped, taken up, told again."""

import io

import pytest
from rich.console import Console

from driftune import loop
from driftune.demo import story
from driftune.promotion.registry import CHAMPION


@pytest.fixture
def quick(project, monkeypatch):
    """The tiny problem with three trials per search."""
    file = project.root / "conf" / "test" / "problems" / "tiny.yml"
    file.write_text(file.read_text().replace("max_trials: 10", "max_trials: 3"))
    return project, project.settings("tiny"), Console(file=io.StringIO(), width=120)


@pytest.mark.slow  # three searches and eight batches: what `make demo` does, in small
@pytest.mark.timeout(600)
def test_stopped_and_called_again_the_story_is_told_once(quick, monkeypatch):
    project, settings, console = quick

    def ctrl_c(self, version):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop.Retune, "judge", ctrl_c)
        story.tell(project, settings, console)
    assert project.registry("tiny").version_of(CHAMPION) is None

    told = story.tell(project, settings, console)
    ledger = project.ledger
    assert [row.batch for row in ledger.observations("tiny")] == told.batches
    assert told.batches == [f"week_{week}" for week in range(13, 21)]
    assert project.registry("tiny").versions() == sorted(
        row.details["version"] for row in ledger.retunes("tiny")
    )  # the stopped retune left no second version of its model
    drops = [r for r in ledger.retunes("tiny") if r.trigger == "performance_drop"]
    assert drops and drops[0].through in {"week_18", "week_19"}
    assert "never retrained" in told.report.read_text(encoding="utf-8")

    def no_search(*_, **__):
        raise AssertionError("a trial was run although there was nothing to do")

    monkeypatch.setattr("pipelines.tuning.nodes.tune", no_search)
    again = story.tell(project, settings, console)
    assert again.is_empty
    assert again.report.exists()
