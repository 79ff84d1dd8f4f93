"""R17: whatever a batch is like, it is taken, put aside or refused as the severities say.

The policy here asks for a retune after every batch that it may judge; bad data must never do so.
The problem says nothing but target, metric, time, ids, rows and batches: all is learned.
"""

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from driftune import loop
from driftune.data_checks import BuiltIn
from driftune.ledger.ledger import INVALID
from driftune.validation.requeue import requeue
from driftune.validation.row_ids import row_ids

YAML = """
target: y
metric: rmse
time: when
ids: [parcel]
rows: data/01_raw/own/first.parquet
batches: data/01_raw/own/batches
tuning: {folds: 2, budget: {max_trials: 1, max_seconds: null}, pruning: none}
policy: {every: 1, cooldown: 0, cost: null, min_rows: 50}
gate: {holdout: 30d, min_rows: 50}
"""
ROWS = 200
NUMBERS = itertools.count()
pytestmark = pytest.mark.slow  # the fixture trains a first model; then about a second a batch


def table(seed, n=ROWS, start="2024-01-01"):
    """Parcels: what one costs by its weight and colour."""
    rng = np.random.default_rng(seed)
    weight = rng.lognormal(2, 0.5, n)
    colour = rng.choice(["red", "green", "blue"], n)
    return pd.DataFrame(
        {
            "parcel": [f"p{seed}-{i}" for i in range(n)],
            "when": pd.Timestamp(start) + pd.to_timedelta(np.sort(rng.integers(0, 604800, n)), "s"),
            "weight": weight,
            "pieces": rng.integers(1, 9, n),
            "colour": colour,
            "y": 3 * weight + 5 * (colour == "red") + rng.normal(0, 1, n),
        }
    )


@pytest.fixture(scope="module")
def served(module_project):
    """A project whose first model serves."""
    root = module_project.root
    (root / "conf/problems/own.yml").write_text(YAML)
    (root / "data/01_raw/own/batches").mkdir(parents=True)
    first = pd.concat([table(i, start=f"2024-0{i}-01") for i in range(1, 7)])
    first.to_parquet(root / "data/01_raw/own/first.parquet", index=False)
    settings = module_project.settings("own")
    assert loop.retune(module_project, settings, trigger="first").status == "promoted"
    return module_project, settings


@pytest.fixture
def arrive(served):
    """Let a batch arrive and decide about it; returns the observation and the file."""
    project, settings = served
    problem = project.root / "conf/problems/own.yml"

    def run(rows, *, name=None, suffix=".parquet", validation=""):
        name = name or f"b{next(NUMBERS)}"
        path = settings.batches / f"{name}{suffix}"
        if isinstance(rows, bytes):
            path.write_bytes(rows)
        elif suffix == ".csv":
            rows.to_csv(path, index=False)
        else:
            rows.to_parquet(path, index=False)
        problem.write_text(f"{YAML}validation: {{{validation}}}\n")
        return loop.watch_batch(project, project.settings("own"), name), path

    yield run
    problem.write_text(YAML)
    for row in project.ledger.open_retunes("own"):
        project.ledger.set_retune(row.id, "failed")
    for path in settings.batches.iterdir():
        path.unlink()


def outputs(served, name, *places):
    project, _ = served
    made = {
        "accepted": f"02_intermediate/own/accepted/{name}.parquet",
        "quarantined": f"02_intermediate/own/quarantined/{name}.parquet",
        "report": f"08_reporting/own/validation/{name}.json",
        "page": f"08_reporting/own/validation/{name}.html",
    }
    return [project.root / "data" / made[place] for place in places]


def refused(served, seen, *told):
    """Assert that a batch is on record as refused, with its report, and asks for nothing."""
    project, _ = served
    assert (seen.status, seen.kind, seen.decision.outcome) == (INVALID, "invalid", "alert")
    assert seen.decision.retune_id is None
    assert seen.batch not in {row.through for row in project.ledger.open_retunes("own")}
    assert seen.batch not in project.ledger.accepted_batches("own")
    for part in told:
        assert part in seen.decision.reason
    accepted, report, page = outputs(served, seen.batch, "accepted", "report", "page")
    assert not accepted.exists()
    assert json.loads(report.read_text())["success"] is False
    assert "Refused" in page.read_text()
    assert "://" not in page.read_text()
    return True


def test_a_good_batch_is_judged_and_this_policy_asks_for_a_retune(served, arrive):
    seen, _ = arrive(table(9))
    assert seen.status == "ok"
    assert seen.decision.outcome == "queued"
    assert seen.details["validation"]["warnings"] == []


def with_cells(rows, column, share, value):
    odd = rows.copy()
    odd[column] = odd[column].astype(object) if isinstance(value, str) else odd[column]
    odd.loc[odd.index[: int(share * len(odd))], column] = value
    return odd


REFUSED = {
    "missing column": (lambda rows: rows.drop(columns="weight"), ["'weight'"]),
    "missing id": (lambda rows: rows.drop(columns="parcel"), ["'parcel'"]),
    "missing time": (lambda rows: rows.drop(columns="when"), ["'when'"]),
    "all null": (lambda rows: rows.assign(weight=np.nan), ["'weight'", "no value"]),
    "all null text": (lambda rows: rows.assign(colour=None), ["'colour'", "no value"]),
    "changed type": (
        lambda rows: rows.assign(weight=rows.weight.astype(str)),
        ["'weight'", "text"],
    ),
    "codes for words": (lambda rows: rows.assign(colour=rows.pieces), ["'colour'", "number"]),
    "time as text": (lambda rows: rows.assign(when=rows.when.astype(str)), ["'when'", "text"]),
    "renamed column": (lambda rows: rows.rename(columns={"weight": "weight_g"}), ["'weight_g'"]),
    "renamed to a strange name": (lambda rows: rows.rename(columns={"weight": "x1"}), ["'x1'"]),
    "renamed target": (lambda rows: rows.rename(columns={"y": "yy"}), ["'yy'"]),
    "unit change": (lambda rows: rows.assign(weight=rows.weight * 1000), ["'weight'", "unit"]),
    "unit change of the target": (lambda rows: rows.assign(y=rows.y / 1000), ["'y'", "unit"]),
    "no rows": (lambda rows: rows.head(0), ["no rows"]),
    "60 % bad rows": (
        lambda rows: with_cells(rows, "weight", 0.6, np.inf),
        ["60.0%", "validation.max_quarantine_share", "'weight'"],
    ),
    "each row twice": (lambda rows: pd.concat([rows, rows]), ["50.0%", "duplicates"]),
    "all in the future": (
        lambda rows: rows.assign(when=rows.when + pd.Timedelta(days=365 * 40)),
        ["times", "206"],
    ),
    "all infinite": (lambda rows: rows.assign(weight=np.inf), ["infinite"]),
    "constant labels": (lambda rows: rows.assign(y=7.0), ["'y'", "7.0"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_bad_batch_is_refused_and_never_retunes(served, arrive, case):
    change, told = REFUSED[case]
    seen, _ = arrive(change(table(10)))
    assert refused(served, seen, *told)


def test_a_schema_change_cannot_be_switched_off(served, arrive):
    off = ", ".join(f"{name}: off" for name in BuiltIn.model_fields)
    seen, _ = arrive(table(10).rename(columns={"weight": "w"}), validation=f"built_in: {{{off}}}")
    assert refused(served, seen, "'w'")


PUT_ASIDE = {
    "1 % infinite": (lambda rows: with_cells(rows, "weight", 0.01, np.inf), "infinite(weight)"),
    "1 % duplicates": (lambda rows: pd.concat([rows, rows.head(2)]), "duplicates(row)"),
    "1 % in the future": (
        lambda rows: with_cells(rows, "when", 0.01, pd.Timestamp("2090-01-01")),
        "times(when)",
    ),
    "1 % without a time": (lambda rows: with_cells(rows, "when", 0.01, pd.NaT), "times(when)"),
}


@pytest.mark.parametrize("case", PUT_ASIDE)
def test_one_percent_of_bad_rows_is_put_aside(served, arrive, case):
    change, why = PUT_ASIDE[case]
    rows = change(table(11)).reset_index(drop=True)
    seen, _ = arrive(rows)
    assert seen.status == "ok"
    assert seen.details["validation"]["reasons"] == {why: 2}
    accepted, aside = map(pd.read_parquet, outputs(served, seen.batch, "accepted", "quarantined"))
    assert (len(accepted), len(aside)) == (len(rows) - 2, 2)
    assert set(aside["_run"]) == {f"watch-{seen.batch}"}
    ids = row_ids(rows, served[1])
    assert aside["_row_id"].tolist() == ids[aside["_row"]].tolist()


WARNED = {
    "unseen categories": (lambda rows: with_cells(rows, "colour", 0.3, "violet"), "violet"),
    "a new column": (lambda rows: rows.assign(extra=1), "extra"),
    "strange labels": (lambda rows: with_cells(rows, "y", 0.01, 9e5), "'y'"),
    "no labels at all": (lambda rows: rows.drop(columns="y"), "no labels yet"),
}


@pytest.mark.parametrize("case", WARNED)
def test_a_warning_goes_on_and_is_on_record(served, arrive, case):
    change, told = WARNED[case]
    seen, _ = arrive(change(table(12)))
    assert seen.status != INVALID
    (warning,) = seen.details["validation"]["warnings"]
    assert told in warning
    (page,) = outputs(served, seen.batch, "page")
    assert "warned" in page.read_text()


def test_ten_times_the_rows_is_a_warning(served, arrive):
    for week in range(3):
        arrive(table(20 + week), name=f"a{week}")
    seen, _ = arrive(table(23, n=10 * ROWS), name="a9")
    assert seen.status == "ok"
    assert "2,000 rows" in seen.details["validation"]["warnings"][0]


def test_severities_are_what_the_settings_say(served, arrive):
    grams = table(13).assign(weight=lambda rows: rows.weight * 1000)
    seen, _ = arrive(grams, validation="built_in: {unit_change: warning}")
    assert seen.status == "ok"
    assert "unit" in seen.details["validation"]["warnings"][0]
    violet = with_cells(table(13), "colour", 0.3, "violet")
    seen, _ = arrive(violet, validation="built_in: {unseen_levels: critical}")
    assert seen.status == INVALID


def test_an_old_batch_is_refused_where_freshness_is_asked_for(served, arrive):
    seen, _ = arrive(table(14), validation="max_age: 30d")
    assert seen.status == INVALID
    assert "validation.max_age = 30d" in seen.decision.reason
    seen, _ = arrive(table(14), validation="max_age: 100000d")
    assert seen.status == "ok"


def test_mixed_encodings_are_one_clear_sentence(served, arrive):
    rows = table(15).assign(colour="gelb")
    text = rows.to_csv(index=False).encode()
    mixed = text + text.splitlines()[-1].replace(b"gelb", "grün".encode("latin-1")) + b"\n"
    seen, path = arrive(mixed, suffix=".csv")
    assert refused(served, seen, path.name, f"line {ROWS + 2}", "UTF-8")
    assert "\n" not in seen.decision.reason


def test_words_among_the_numbers_of_a_csv_are_bad_rows_or_another_type(served, arrive):
    few = with_cells(table(16), "weight", 0.01, "heavy")
    seen, _ = arrive(few, suffix=".csv")
    assert seen.status == "ok"
    assert seen.details["validation"]["reasons"] == {"schema(weight)": 2}
    (accepted,) = outputs(served, seen.batch, "accepted")
    assert pd.read_parquet(accepted)["weight"].dtype == float
    many = with_cells(table(16), "weight", 0.6, "heavy")
    seen, _ = arrive(many, suffix=".csv")
    assert refused(served, seen, "'weight'", "text")


def test_a_csv_is_read_like_the_parquet_file_of_the_same_rows(served, arrive):
    seen, _ = arrive(table(17), suffix=".csv")
    again, _ = arrive(table(17))
    assert seen.status == "ok"
    assert seen.value == pytest.approx(again.value)


@pytest.mark.parametrize("content", [b"", b"half a file", None])
def test_half_a_file_is_refused_by_name(served, arrive, content, tmp_path):
    whole = tmp_path / "whole.parquet"
    table(18).to_parquet(whole)
    cut = whole.read_bytes()[: whole.stat().st_size // 2] if content is None else content
    seen, path = arrive(cut)
    assert refused(served, seen, path.name)


def test_a_refused_batch_that_is_repaired_in_place_is_watched_again(served, arrive):
    project, settings = served
    seen, path = arrive(table(19).drop(columns="weight"), name="c1")
    assert refused(served, seen)
    assert loop.pending_batches(project, settings) == []
    table(19).to_parquet(path, index=False)
    assert loop.pending_batches(project, settings) == ["c1"]
    again = loop.watch_batch(project, settings, "c1")
    assert (again.revision, again.status) == (1, "ok")
    assert "c1" in project.ledger.accepted_batches("own")
    first = next(row for row in project.ledger.observations("own") if row.batch == "c1")
    assert first.status == INVALID  # the past stays as it was


def test_repaired_rows_come_back_once_and_make_a_revision(served, arrive, tmp_path):
    project, settings = served
    rows = with_cells(table(30), "weight", 0.02, np.inf)
    _, path = arrive(rows, name="d1")
    fixed = tmp_path / "fixed.csv"
    aside = pd.read_parquet(outputs(served, "d1", "quarantined")[0])
    aside.assign(weight=[1.5, 2.5, 3.5, np.inf]).to_csv(fixed, index=False)
    done = requeue(project, settings, "d1", fixed)
    assert (done.asked, done.accepted, len(done.still_bad), done.changed) == (4, 3, 1, True)
    assert loop.pending_batches(project, settings) == ["d1"]
    again = loop.watch_batch(project, settings, "d1")
    assert (again.revision, again.details["rows"]) == (1, ROWS - 1)
    accepted = pd.read_parquet(outputs(served, "d1", "accepted")[0])
    assert len(accepted) == ROWS - 1
    assert accepted["weight"].head(3).tolist() == [1.5, 2.5, 3.5]
    # The same again, and the file delivered again in another order, change nothing but the order.
    assert not requeue(project, settings, "d1", fixed).changed
    assert loop.pending_batches(project, settings) == []
    rows.sample(frac=1, random_state=0).to_parquet(path, index=False)
    assert loop.watch_batch(project, settings, "d1").revision == 2
    shuffled = pd.read_parquet(outputs(served, "d1", "accepted")[0])
    pd.testing.assert_frame_equal(
        shuffled.sort_values("parcel").reset_index(drop=True),
        accepted.sort_values("parcel").reset_index(drop=True),
    )
