"""A world that turns and turns back: regret asks for a retune, then the first model is recalled."""

import numpy as np
import pandas as pd
import pytest

from driftune import loop
from driftune.promotion.registry import CHAMPION

BATCHES, ROWS, TURN, BACK = 8, 400, 2, 5
PROBLEM = """\
target: y
metric: rmse
time: t
rows: data/01_raw/turning/initial.parquet
batches: data/01_raw/turning/batches
tuning: {budget: {max_trials: 2, max_seconds: null}, folds: 2, earlier_configurations: 0}
policy: {cooldown: 1}
"""


def world(rng, rows, sign, start):
    x = rng.normal(size=(rows, 3))
    y = sign * (2 * x[:, 0] + x[:, 1]) + 0.5 * rng.normal(size=rows)
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(start, start + rows), unit="h")
    return pd.DataFrame(x, columns=["a", "b", "c"]).assign(t=times, y=y)


def lay_out(project):
    """Initial rows and eight batches; from batch 2 to 4 the sign of the relation is turned."""
    rng = np.random.default_rng(0)
    raw = project.root / "data/01_raw/turning"
    (raw / "batches").mkdir(parents=True)
    world(rng, 1200, 1, 0).to_parquet(raw / "initial.parquet", index=False)
    for number in range(BATCHES):
        sign = -1 if TURN <= number < BACK else 1
        batch = world(rng, ROWS, sign, 1200 + ROWS * number)
        batch.to_parquet(raw / f"batches/day_{number:02d}.parquet", index=False)
    (project.root / "conf/problems/turning.yml").write_text(PROBLEM)


@pytest.fixture(scope="module")
def watched(module_project):
    """Every batch decided about, every retune carried out."""
    project = module_project
    lay_out(project)
    settings = project.settings("turning")
    loop.retune(project, settings, trigger="first", reason="no champion yet")
    while loop.pending_batches(project, settings):
        for row in loop.watch(project, settings):
            if row.decision.outcome == "queued":
                loop.carry_out(project, settings, row.decision.retune_id)
    return project, settings, project.ledger.observations("turning")


def number(row):
    return int(row.batch.removeprefix("day_"))


@pytest.mark.slow  # three retunes and eight batches, each with twelve small models
def test_regret_asks_for_a_retune_soon_after_the_turn_and_not_before(watched):
    project, _, observed = watched
    asked = [row for row in observed if row.decision.retune_id]
    assert TURN < number(asked[0]) <= TURN + 2
    assert asked[0].decision.trigger == "cost"
    retune = project.ledger.retune(asked[0].decision.retune_id)
    assert (retune.action, retune.status) == ("retune", "promoted")


def test_the_challenger_learns_from_the_rows_after_the_turn(watched):
    project, _, observed = watched
    first = next(row for row in observed if row.decision.retune_id)
    version = project.ledger.retune(first.decision.retune_id).details["version"]
    tags = project.registry("turning").tags(version)
    assert tags["driftune.strategy"] == "window"
    assert int(tags["driftune.start"]) > 1200


def test_the_first_model_is_recalled_when_it_is_right_again(watched):
    project, _, _ = watched
    recalls = [row for row in project.ledger.retunes("turning") if row.action == "recall"]
    assert [row.status for row in recalls] == ["promoted"]
    assert recalls[0].details["candidate"] == 1
    assert BACK <= int(recalls[0].through.removeprefix("day_")) <= BACK + 1
    assert project.registry("turning").version_of(CHAMPION) == 1
    assert project.registry("turning").versions() == [1, 2]  # nothing was trained for it


def test_what_serves_is_near_the_best_soon_after_each_turn(watched):
    _, _, observed = watched
    calm = [row.value for row in observed if number(row) in (0, 1, 4, 7)]
    assert max(calm) < 1.5  # noise is 0.5; a model of the other sign misses by 4
    turned = [row.value for row in observed if number(row) in (TURN, BACK)]
    assert min(turned) > 3


def test_what_was_measured_is_on_record(watched):
    _, _, observed = watched
    quiet = observed[1]
    assert {one["strategy"] for one in quiet.details["regret"]} == {"all_history", "window"}
    assert quiet.details["evidence"]["cost"] == 0.05
    assert observed[-1].details["recall"]
    assert observed[-1].details["drift"]["status"] == "ok"
