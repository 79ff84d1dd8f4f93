"""Data versions: the same name for the same rows, and the bytes back from it."""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
from dvc.repo import Repo

from driftune import lineage
from driftune.errors import ServiceUnavailable, UsageError


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


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pygtrie, in DVC's own command
def test_the_version_is_the_one_of_dvc_add(root):
    nested = {"a.parquet": rows(root, "a", [1]), "lookups/b.parquet": rows(root, "b", [2])}
    version = lineage.snapshot(root, "p", nested)
    folder = lineage.restore(root, "p", version)
    with Repo(str(root)) as repo:
        (stage,) = repo.add(str(folder))
    assert stage.outs[0].hash_info.value == version


def test_one_more_batch_reads_one_more_file(root):
    first, second = rows(root, "a", [1]), rows(root, "b", [2])
    version = lineage.snapshot(root, "p", [first])
    kept = first.read_bytes()
    whole = lineage.snapshot(root, "p", [first, second])
    first.write_bytes(b"a retune is writing this")
    files = {"a.parquet": first, "b.parquet": second}
    again = lineage.snapshot(root, "p", files, known=lineage.listed(root, version))
    assert again == whole
    folder = lineage.restore(root, "p", again)
    assert contents(folder) == {"a.parquet": kept, "b.parquet": second.read_bytes()}


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
    folder = lineage.restore(root, "p", lineage.snapshot(root, "p", [file]))
    (folder / "a.parquet").write_bytes(b"scribbled over")
    assert pd.read_parquet(file)["a"].tolist() == [1]
    with file.open("ab") as stream:  # not made read-only
        stream.write(b"")


def test_the_remote_gives_back_what_the_cache_lost(with_remote):
    file = rows(with_remote, "a", [1])
    kept = file.read_bytes()
    version = lineage.snapshot(with_remote, "p", [file])
    shutil.rmtree(with_remote / ".dvc" / "cache")
    assert contents(lineage.restore(with_remote, "p", version)) == {"a.parquet": kept}


def test_a_remote_that_is_away_does_not_stop_a_snapshot(with_remote):
    (with_remote / "remote").write_text("a file where the folder should be")
    file = rows(with_remote, "a", [1])
    version = lineage.snapshot(with_remote, "p", [file])
    assert contents(lineage.restore(with_remote, "p", version)) == {"a.parquet": file.read_bytes()}


def test_an_unknown_version_is_named_and_changes_nothing(root):
    file = rows(root, "a", [1])
    version = lineage.snapshot(root, "p", [file])
    lineage.restore(root, "p", version)
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


def test_rows_go_into_another_folder_but_never_over_somebodys_files(root, tmp_path):
    file = rows(root, "a", [1])
    version = lineage.snapshot(root, "p", [file])
    (tmp_path / "empty").mkdir()
    for name in ("new/deep", "empty"):
        folder = lineage.restore(root, "p", version, into=tmp_path / name)
        assert contents(folder) == {"a.parquet": file.read_bytes()}
    assert not (root / lineage.PRIMARY).exists()
    for taken in (tmp_path / "empty", file):
        with pytest.raises(UsageError, match="empty folder"):
            lineage.restore(root, "p", version, into=taken)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def spoil(root, name, text):
    path = root / ".dvc" / "cache" / "files" / "md5" / name[:2] / name[2:]
    path.chmod(0o644)
    path.write_bytes(text)


@pytest.mark.parametrize("what", ["file", "list"])
def test_damage_in_the_cache_is_found_and_mended_from_the_remote(with_remote, what):
    file = rows(with_remote, "a", [1])
    version = lineage.snapshot(with_remote, "p", [file])
    name = version if what == "list" else lineage.file_version(file)
    spoil(with_remote, name, b"[]" if what == "list" else file.read_bytes()[::-1])
    assert contents(lineage.restore(with_remote, "p", version)) == {"a.parquet": file.read_bytes()}


def test_damage_without_a_remote_is_said_and_the_folder_stays(root):
    file = rows(root, "a", [1])
    version = lineage.snapshot(root, "p", [file])
    lineage.restore(root, "p", version)
    name = lineage.file_version(file)
    spoil(root, name, b"half")
    with pytest.raises(ServiceUnavailable, match=name[2:]) as error:
        lineage.restore(root, "p", version)
    assert "no DVC remote" in str(error.value)
    assert contents(root / lineage.PRIMARY / "p") == {"a.parquet": file.read_bytes()}
    assert lineage.snapshot(root, "p", [file]) == version  # the same rows again mend it too
    assert contents(lineage.restore(root, "p", version)) == {"a.parquet": file.read_bytes()}


def test_half_a_file_in_the_cache_is_replaced_by_the_same_snapshot(root):
    file = rows(root, "a", [1])
    version = lineage.snapshot(root, "p", [file])
    spoil(root, lineage.file_version(file), file.read_bytes()[:100])
    spoil(root, version, b"")
    assert lineage.snapshot(root, "p", [file]) == version
    assert contents(lineage.restore(root, "p", version)) == {"a.parquet": file.read_bytes()}


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
