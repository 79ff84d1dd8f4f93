"""R16: four snapshots at once, a kill in between, git in any state: whole, git untouched."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from dvc.repo import Repo

from driftune import lineage
from driftune.errors import ServiceUnavailable
from driftune.lineage import remote

IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=mine")


def git(root, *words):
    done = subprocess.run(
        ["git", *IDENTITY, *words], cwd=root, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def batch(root, name, text):
    file = root / "data" / "02_intermediate" / f"{name}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode() * 1000)
    return file


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def python(root, script, *words):
    """Start a process that imports the library from here."""
    text = "import sys; from pathlib import Path; from driftune import lineage\n" + script
    return subprocess.Popen(
        [sys.executable, "-c", text, str(root), *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


def test_four_processes_at_once(root):
    shared = batch(root, "shared", "s")
    files = {name: [shared, batch(root, name, name)] for name in "abcd"}
    script = """
root, name, *files = sys.argv[1:]
for _ in range(3):
    print(lineage.snapshot(Path(root), name, [Path(file) for file in files]))
"""
    running = {name: python(root, script, name, *map(str, own)) for name, own in files.items()}
    said = {name: process.communicate(timeout=100) for name, process in running.items()}
    assert {process.returncode for process in running.values()} == {0}, said
    versions = {name: set(out.split()) for name, (out, _) in said.items()}
    assert all(len(found) == 1 for found in versions.values())
    for name, own in files.items():
        folder = lineage.restore(root, name, versions[name].pop())
        assert contents(folder) == {file.name: file.read_bytes() for file in own}


# Where the process is killed: the name of the call, how many of them are let through, and whether
# it dies before the call or after it.
DEATHS = {
    "before the first file": ("dvc_objects.db.ObjectDB.add", 0, "before"),
    "after a file, before it is write-protected": ("dvc_objects.db.ObjectDB.add", 0, "after"),
    "in the middle of a file": ("shutil.copyfile", 1, "middle"),
    "between two files": ("dvc_data.hashfile.db.HashFileDB.add", 1, "before"),
    "before the list of files": ("dvc_data.hashfile.db.HashFileDB.add", 3, "before"),
    "after the list of files": ("dvc_data.hashfile.db.HashFileDB.add", 3, "after"),
}
DIE = """
import importlib, os, signal
root, target, spare, when, *files = sys.argv[1:]
from dvc_objects.fs import local
home, _, name = target.rpartition(".")
try:
    owner = importlib.import_module(home)
except ModuleNotFoundError:
    module, _, kind = home.rpartition(".")
    owner = getattr(importlib.import_module(module), kind)
real, left = getattr(owner, name), [int(spare)]
def die(*args, **kwargs):
    left[0] -= 1
    if left[0] >= 0:
        return real(*args, **kwargs)
    if when == "middle":
        Path(args[1]).write_bytes(Path(args[0]).read_bytes()[:100])
    if when == "after":
        real(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, name, die)
lineage.snapshot(Path(root), "p", [Path(file) for file in files])
"""


@pytest.mark.parametrize("moment", DEATHS)
def test_killed_in_the_middle_and_called_again(root, moment):
    files = [batch(root, name, name) for name in "abc"]
    before = lineage.snapshot(root, "p", [batch(root, "before", "x")])
    target, spare, when = DEATHS[moment]
    process = python(root, DIE, target, str(spare), when, *map(str, files))
    _, err = process.communicate(timeout=60)
    if moment == "in the middle of a file" and process.returncode == 0:
        pytest.skip("on this file system DVC clones files, which has no middle")
    assert process.returncode == -signal.SIGKILL, err
    assert contents(lineage.restore(root, "p", before)).keys() == {"before.parquet"}
    version = lineage.snapshot(root, "p", files)
    assert contents(lineage.restore(root, "p", version)) == {
        file.name: file.read_bytes() for file in files
    }
    with Repo(str(root)) as repo:  # and DVC's own look at what we wrote
        assert repo.status() == {}


def test_killed_at_random_times(root):
    files = [batch(root, f"b{number}", str(number)) for number in range(40)]
    script = "lineage.snapshot(Path(sys.argv[1]), 'p', [Path(file) for file in sys.argv[2:]])"
    whole = None
    for pause in (0.3, 0.45, 0.6, 0.8):
        process = python(root, script, *map(str, files))
        time.sleep(pause)
        process.kill()
        process.communicate()
    whole = lineage.snapshot(root, "p", files)
    assert len(contents(lineage.restore(root, "p", whole))) == 40


def repository(root):
    git(root, "init")
    (root / ".gitignore").write_text("/data/02_intermediate\n/.driftune\n")
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text("[core]\n    autostage = true\n")
    (root / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (root / "staged.txt").write_text("one")
    (root / "changed.txt").write_text("one")
    git(root, "add", ".")
    git(root, "commit", "-m", "first")
    return root


def dirty(root):
    (root / "staged.txt").write_text("two")
    git(root, "add", "staged.txt")
    (root / "staged.txt").write_text("three")
    (root / "changed.txt").write_text("two")
    (root / "new.txt").write_text("x")


def detached(root):
    git(root, "checkout", "--detach")


def in_a_rebase(root):
    (root / ".git" / "index.lock").touch()  # another git command is at work


def clean(_):
    pass


def looks(root):
    """All that the user would notice of git."""
    (root / ".git" / "index.lock").unlink(missing_ok=True)
    asked = (
        "rev-parse HEAD", "branch -a", "stash list", "ls-files -s", "diff", "diff --cached",
        "status --porcelain", "reflog", "config --list --local",
    )  # fmt: skip
    head = (root / ".git" / "HEAD").read_text()
    return [head, *(git(root, *words.split()) for words in asked)]


@pytest.mark.parametrize("mess", [clean, dirty, detached, in_a_rebase])
def test_git_is_left_as_it_was(root, mess):
    repository(root)
    mess(root)
    locked = (root / ".git" / "index.lock").exists()
    before = looks(root)
    index = (root / ".git" / "index").read_bytes()
    if locked:
        (root / ".git" / "index.lock").touch()
    version = lineage.snapshot(root, "p", [batch(root, "a", "a")])
    lineage.code_version(root)
    assert (root / ".git" / "index").read_bytes() == index
    assert looks(root) == before
    lineage.restore(root, "p", version)  # asked for by the user; the rows themselves are hidden
    after = looks(root)
    shown = set(after.pop(7).splitlines()) - set(before.pop(7).splitlines())
    assert after == before
    assert shown == {"?? data/"}
    shown = git(root, "ls-files", "--others", "--exclude-standard", "data").splitlines()
    assert sorted(shown) == ["data/03_primary/.gitignore", "data/03_primary/p.dvc"]


def test_a_project_in_a_folder_of_a_repository_is_a_dvc_repository_of_its_own(tmp_path):
    repository(tmp_path)
    inside = tmp_path / "models" / "ours"
    inside.mkdir(parents=True)
    before = looks(tmp_path)[:-3]
    version = lineage.snapshot(inside, "p", [batch(inside, "a", "a")])
    assert contents(lineage.restore(inside, "p", version)).keys() == {"a.parquet"}
    assert looks(tmp_path)[:-3] == before
    assert lineage.code_version(inside) == git(tmp_path, "rev-parse", "HEAD")


def test_without_git_and_without_a_remote(root):
    version = lineage.snapshot(root, "p", [batch(root, "a", "a")])
    assert contents(lineage.restore(root, "p", version)).keys() == {"a.parquet"}
    assert lineage.code_version(root) == "no-git"
    assert "no remote" in lineage.describe(root)
    with Repo(str(root)) as repo:  # the user's own commands work there too
        assert repo.status() == {}


def with_remote(root, url):
    lineage.snapshot(root, "first", [batch(root, "x", "x")])
    (root / ".dvc" / "config").write_text(
        f"[core]\n    no_scm = true\n    remote = far\n['remote \"far\"']\n    url = {url}\n"
    )


def test_a_remote_has_every_version_whole_and_in_order(root, tmp_path):
    with_remote(root, tmp_path / "far")
    first, second = batch(root, "a", "a"), batch(root, "b", "b")
    versions = [lineage.snapshot(root, "p", files) for files in ([first], [first, second])]
    assert remote.waiting(root) == []
    shutil.rmtree(root / ".dvc" / "cache")
    for version, names in zip(versions, ({"a.parquet"}, {"a.parquet", "b.parquet"}), strict=True):
        assert contents(lineage.restore(root, "p", version)).keys() == names


def test_what_an_absent_remote_did_not_take_is_pushed_when_it_is_back(root, tmp_path, caplog):
    far = tmp_path / "far"
    with_remote(root, far)
    far.write_text("a file where the folder should be")
    versions = [lineage.snapshot(root, "p", [batch(root, "a", text)]) for text in "ab"]
    assert len(caplog.records) == 1  # the second snapshot does not try again so soon
    assert remote.waiting(root) == versions
    assert "2 data versions wait" in lineage.describe(root)
    far.unlink()
    assert lineage.push_waiting(root) == []
    assert lineage.push_waiting(root, again=True) == versions
    assert remote.waiting(root) == []
    shutil.rmtree(root / ".dvc" / "cache")
    assert contents(lineage.restore(root, "p", versions[0])) == {"a.parquet": b"a" * 1000}


@pytest.fixture
def silent_server():
    """A server that takes connections and never answers."""
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(50)
        yield server.getsockname()[1]


def test_a_remote_that_never_answers_is_given_up(root, silent_server, monkeypatch, caplog):
    monkeypatch.setattr(remote, "PUSH_SECONDS", 3.0)
    with_remote(root, f"http://user:hidden@127.0.0.1:{silent_server}/data")
    began = time.monotonic()
    version = lineage.snapshot(root, "p", [batch(root, "a", "a")])
    again = lineage.snapshot(root, "p", [batch(root, "a", "b")])
    assert time.monotonic() - began < 10
    assert remote.waiting(root) == [version, again]
    (record,) = caplog.records
    assert "DVC remote" in record.message
    assert "hidden" not in caplog.text
    assert contents(lineage.restore(root, "p", version)) == {"a.parquet": b"a" * 1000}


def test_another_process_pushing_is_left_alone(root, tmp_path):
    with_remote(root, tmp_path / "far")
    (tmp_path / "far").write_text("away")
    version = lineage.snapshot(root, "p", [batch(root, "a", "a")])
    (tmp_path / "far").unlink()
    with ThreadPoolExecutor(4) as pool:
        pushed = list(pool.map(lambda _: lineage.push_waiting(root, again=True), range(4)))
    assert [found for found in pushed if found] in ([[version]], [[version]] * 2)
    assert remote.waiting(root) == []


def test_the_disk_is_full(root, monkeypatch):
    kept = lineage.snapshot(root, "p", [batch(root, "a", "a")])

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("dvc_objects.db.ObjectDB.add", full)
        with pytest.raises(ServiceUnavailable, match="No space left"):
            lineage.snapshot(root, "p", [batch(root, "b", "b")])
    assert contents(lineage.restore(root, "p", kept)).keys() == {"a.parquet"}


def test_a_dead_writers_lock_is_free(root):
    script = textwrap.dedent("""
        from driftune.lineage.repository import writer
        with writer(Path(sys.argv[1])):
            print("in", flush=True)
            import time; time.sleep(100)
    """)
    process = python(root, script)
    assert process.stdout.readline() == "in\n"
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    began = time.monotonic()
    lineage.snapshot(root, "p", [batch(root, "a", "a")])
    assert time.monotonic() - began < 20
