"""Data versions: the same name for the same rows, and the bytes back from it."""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest

from driftune import lineage
from driftune.errors import ServiceUnavailable


def git(root, *words):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=mine")
    done = subprocess.run(
        ["git", *identity, *words], cwd=root, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def root(tmp_path):
    """A folder with no git and no DVC in it."""
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
def with_remote(root):
    """A DVC repository that pushes to a folder."""
    lineage.snapshot(root, "first", [rows(root, "x", [0])])
    config = (
        "[core]\n    no_scm = true\n    remote = near\n['remote \"near\"']\n    url = ../remote\n"
    )
    (root / ".dvc" / "config").write_text(config)
    return root


def rows(root, name, values):
    file = root / "data" / "02_intermediate" / f"{name}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame({"a": values}).to_parquet(file, index=False)
    return file


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_same_rows_have_the_same_version(root):
    first, second = rows(root, "a", [1]), rows(root, "b", [2])
    version = lineage.snapshot(root, "p", [first, second])
    assert lineage.snapshot(root, "p", [second, first]) == version
    assert lineage.snapshot(root, "other", [first, second]) == version
    assert lineage.read_version(root, "p") == version


def test_other_rows_have_another_version(root):
    first, second = rows(root, "a", [1]), rows(root, "b", [2])
    versions = [lineage.snapshot(root, "p", files) for files in ([first], [first, second])]
    rows(root, "b", [3])
    versions.append(lineage.snapshot(root, "p", [first, second]))
    assert len(set(versions)) == 3


def test_restoring_brings_back_exactly_the_bytes(root):
    first, second = rows(root, "a", [1]), rows(root, "b", [2])
    version = lineage.snapshot(root, "p", [first, second])
    kept = {file.name: file.read_bytes() for file in (first, second)}
    with second.open("wb") as stream:  # written in place, as Kedro does
        stream.write(b"other")
    lineage.snapshot(root, "p", [second, rows(root, "c", [4])])
    folder = lineage.restore(root, "p", version)
    assert contents(folder) == kept
    assert lineage.read_version(root, "p") == version


def test_working_files_stay_the_users(root):
    file = rows(root, "a", [1])
    folder = root / lineage.PRIMARY / "p"
    lineage.snapshot(root, "p", [file])
    (folder / "a.parquet").write_bytes(b"scribbled over")
    assert pd.read_parquet(file)["a"].tolist() == [1]
    with file.open("ab") as stream:  # not made read-only
        stream.write(b"")


def test_the_remote_gives_back_what_the_cache_lost(with_remote):
    file = rows(with_remote, "a", [1])
    kept = file.read_bytes()
    version = lineage.snapshot(with_remote, "p", [file])
    shutil.rmtree(with_remote / ".dvc" / "cache")
    shutil.rmtree(with_remote / lineage.PRIMARY / "p")
    assert contents(lineage.restore(with_remote, "p", version)) == {"a.parquet": kept}


def test_a_remote_that_is_away_does_not_stop_a_snapshot(with_remote):
    (with_remote / "remote").write_text("a file where the folder should be")
    file = rows(with_remote, "a", [1])
    version = lineage.snapshot(with_remote, "p", [file])
    assert contents(lineage.restore(with_remote, "p", version)) == {"a.parquet": file.read_bytes()}


def test_an_unknown_version_is_named_and_changes_nothing(root):
    file = rows(root, "a", [1])
    version = lineage.snapshot(root, "p", [file])
    with pytest.raises(ServiceUnavailable, match="f" * 32):
        lineage.restore(root, "p", "f" * 32 + ".dir")
    assert lineage.read_version(root, "p") == version
    assert contents(root / lineage.PRIMARY / "p") == {"a.parquet": file.read_bytes()}


def test_two_threads_at_once(root):
    files = {name: [rows(root, name, [number])] for number, name in enumerate("pqrs")}
    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(lambda name: lineage.snapshot(root, name, files[name]), files))
    assert len(set(versions)) == 4
    for name, version in zip(files, versions, strict=True):
        assert contents(lineage.restore(root, name, version)).keys() == {f"{name}.parquet"}


def test_a_clone_of_the_project_without_its_git_works(project):
    file = rows(project.root, "a", [1])
    version = lineage.snapshot(project.root, "p", [file])
    assert contents(lineage.restore(project.root, "p", version)) == {"a.parquet": file.read_bytes()}
    assert str(project.root) in lineage.describe(project.root)


def test_git_is_left_as_it_was(project):
    root = project.root
    git(root, "init")
    (root / ".gitignore").write_text("/data/02_intermediate\n/.driftune\n")
    (root / "staged.txt").write_text("one")
    git(root, "add", ".gitignore", ".dvc", ".dvcignore")
    git(root, "commit", "-m", "first")
    git(root, "add", "staged.txt")
    (root / "staged.txt").write_text("two")

    def state():
        asked = ("rev-parse HEAD", "symbolic-ref HEAD", "branch -a", "stash list", "diff --cached")
        return [git(root, *words.split()) for words in (*asked, "diff")]

    before = state()
    version = lineage.snapshot(root, "p", [rows(root, "a", [1])])
    lineage.restore(root, "p", version)
    assert state() == before
    untracked = git(root, "ls-files", "--others", "--exclude-standard", "data").splitlines()
    assert sorted(untracked) == ["data/03_primary/.gitignore", "data/03_primary/p.dvc"]


def test_the_commit_is_told_and_whether_files_differ(root):
    assert lineage.code_version(root) == "no-git"
    git(root, "init")
    (root / "a.txt").write_text("one")
    assert lineage.code_version(root) == "no-git"  # no commit yet
    git(root, "add", "a.txt")
    git(root, "commit", "-m", "first")
    commit = git(root, "rev-parse", "HEAD")
    assert lineage.code_version(root) == commit
    (root / "a.txt").write_text("two")
    assert lineage.code_version(root) == f"{commit}-dirty"


def test_a_file_is_named_after_its_bytes(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"x" * (1 << 21))
    two.write_bytes(b"x" * (1 << 21))
    assert lineage.file_version(one) == lineage.file_version(two)
    two.write_bytes(b"y")
    assert lineage.file_version(one) != lineage.file_version(two)


def test_the_doctor_hears_whether_dvc_can_be_used(root):
    lineage.snapshot(root, "p", [rows(root, "a", [1])])
    assert "no remote" in lineage.describe(root)
    (root / ".dvc" / "config").write_text("[core\n")
    with pytest.raises(ServiceUnavailable):
        lineage.describe(root)
