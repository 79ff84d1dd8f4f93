"""The catalog's own gate, and files that a kill or a full disk has damaged."""

import os
import signal
import subprocess
import sys

import pandas as pd
import pytest

from driftune.errors import DataError, DriftuneError, ValidationFailed
from pipelines.data_validation.gate import let_accepted_pass
from pipelines.datasets import BatchFiles

WRITER = """
import os, signal, sys
import pandas as pd
from pipelines.datasets import BatchFiles
def half(self, file, **options):
    file.write(b"PAR1 and no end")
    file.flush()
    os.kill(os.getpid(), signal.SIGKILL)
pd.DataFrame.to_parquet = half
BatchFiles(path=sys.argv[1], dataset="pandas.ParquetDataset", filename_suffix=".parquet").save(
    {"b": pd.DataFrame({"a": [2] * 1000})}
)
"""


def files(folder):
    return BatchFiles(path=str(folder), dataset="pandas.ParquetDataset", filename_suffix=".parquet")


def test_a_kill_while_a_batch_is_written_leaves_the_one_before(tmp_path):
    before = pd.DataFrame({"a": [1]})
    files(tmp_path).save({"b": before})
    done = subprocess.run([sys.executable, "-c", WRITER, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    kept = files(tmp_path).load()
    assert list(kept) == ["b"]
    pd.testing.assert_frame_equal(kept["b"](), before)


def test_none_removes_a_batch_and_no_batch_at_all_is_no_error(tmp_path):
    files(tmp_path).save({"b": pd.DataFrame({"a": [1]})})
    files(tmp_path).save({"b": None, "never": None})
    assert files(tmp_path).load() == {}


def test_a_damaged_batch_is_named_and_made_again_from_the_raw_rows(project):
    run = {"problem": "tiny", "batches": ["week_13"]}
    steps = ("data_validation", "feature_engineering")
    project.run_pipelines(*steps, **run)
    path = project.root / "data/02_intermediate/tiny/accepted/week_13.parquet"
    whole = path.read_bytes()
    os.truncate(path, len(whole) // 2)
    with pytest.raises(DriftuneError, match=r"week_13\.parquet is damaged.*data_validation"):
        project.run_pipelines("feature_engineering", **run)
    project.run_pipelines(*steps, **run)
    pd.testing.assert_frame_equal(
        pd.read_parquet(path), pd.read_parquet(project.settings("tiny").batch_files()["week_13"])
    )


def test_rows_that_were_not_checked_do_not_pass_the_gate():
    with pytest.raises(DataError, match="'b' were not checked"):
        let_accepted_pass({"b": pd.DataFrame({"a": [1]})})


def test_refused_rows_are_never_saved_as_accepted(project, monkeypatch):
    path = project.settings("tiny").batch_files()["week_13"]
    pd.read_parquet(path).drop(columns="distance").to_parquet(path, index=False)
    accepted = project.root / "data/02_intermediate/tiny/accepted/week_13.parquet"
    with pytest.raises(ValidationFailed, match="'distance'"):
        project.run_pipelines("data_validation", problem="tiny", batches=["week_13"])
    assert not accepted.exists()
    monkeypatch.setenv("KEDRO_DATASET_VALIDATION", "0")  # Kedro's switch does not open the gate
    with pytest.raises(DataError, match="KEDRO_DATASET_VALIDATION"):
        project.run_pipelines("data_validation", problem="tiny", batches=["week_13"])
    assert not accepted.exists()
