"""dvc.yaml against the Kedro catalog: the same files in both, and no stage owns the model."""

import copy
import os
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest
import yaml
from dvc.repo import Repo
from kedro.config import OmegaConfigLoader

from driftune.promotion.registry import Registry
from driftune.settings import load_settings
from pipelines.pipeline_registry import register_pipelines

REPOSITORY = Path(__file__).resolve().parents[2]
NOT_WORTH_A_STAGE = {"quarantined", "validation_reports", "validation_pages"}  # may be absent


def stages(content):
    """Name -> stage, with each ``foreach`` written out."""
    found = {}
    for name, stage in content["stages"].items():
        if "foreach" not in stage:
            found[name] = stage
            continue
        for item in stage["foreach"]:
            text = yaml.safe_dump(stage["do"]).replace("${item}", item)
            found[f"{name}@{item}"] = yaml.safe_load(text)
    return found


def read_command(command):
    """``kedro run --pipelines=A --params=b=c,d=e`` -> (["A"], {"b": "c", "d": "e"})."""
    words = dict(word.lstrip("-").partition("=")[::2] for word in command.split()[2:])
    params = dict(pair.split("=") for pair in words.get("params", "").split(",") if pair)
    return words["pipelines"].split(","), params


def catalog_of(params):
    conf = OmegaConfigLoader(
        str(REPOSITORY / "conf"), base_env="base", default_run_env="base", runtime_params=params
    )
    return {name: entry for name, entry in conf["catalog"].items() if isinstance(entry, dict)}


def place(entry):
    return entry.get("path") or entry.get("filepath")


def read_from(name, catalog, params):
    """The files that a pipeline reads as a dataset; those of our own kinds say it by settings."""
    if place(catalog[name]):
        return [f"{place(catalog[name])}/{params['batches']}.parquet"]
    settings = load_settings(params["problem"], root=REPOSITORY)
    files = {"raw_batches": [settings.rows], "settings": [REPOSITORY / "conf" / "problems"]}
    files["lookups"] = [join.table for join in settings.features.joins]
    return [path.relative_to(REPOSITORY).as_posix() for path in files.get(name, ())]


def inside(path, folder):
    return PurePosixPath(path).is_relative_to(folder)


def mistakes(content):
    """What in a ``dvc.yaml`` is not what the catalog says."""
    found = []
    pipelines = register_pipelines()
    for name, stage in stages(content).items():
        deps, outs = stage.get("deps", []), stage.get("outs", [])
        if not stage["cmd"].startswith("kedro run"):
            continue
        names, params = read_command(stage["cmd"])
        whole = sum((pipelines[one] for one in names[1:]), pipelines[names[0]])
        catalog = catalog_of(params)
        read = {
            path
            for dataset in whole.inputs()
            if dataset in catalog
            for path in read_from(dataset, catalog, params)
        }
        written = {
            dataset: place(catalog[dataset])
            for dataset in whole.all_outputs()
            if dataset in catalog and place(catalog[dataset])
        }
        found += [f"{name} reads {path}, no dep" for path in sorted(read - set(deps))]
        found += [
            f"{name} has the dep {dep}, which it does not read"
            for dep in deps
            if inside(dep, "data") and dep not in read
        ]
        found += [f"{name}: no code {dep}" for dep in deps if not inside(dep, "data")
                  and not (REPOSITORY / dep).exists()]  # fmt: skip
        found += [
            f"{name} has the out {out}, which it does not write"
            for out in outs
            if not any(inside(out, folder) for folder in written.values())
        ]
        found += [
            f"{name} writes {folder} ({dataset}), no out"
            for dataset, folder in written.items()
            if dataset not in NOT_WORTH_A_STAGE and not any(inside(out, folder) for out in outs)
        ]
    return found + owners_of_the_model(content)


def owners_of_the_model(content):
    """Stages whose outputs, deleted by ``dvc repro``, would take the model out of service."""
    training = register_pipelines()["training"]
    catalog = catalog_of({"problem": "air_time"})
    kept = [".driftune", "data/03_primary", "mlruns", "mlflow.db", "mlartifacts"]
    for dataset in training.all_outputs() & catalog.keys():
        path = place(catalog[dataset])
        kept += [path, *(parent.as_posix() for parent in PurePosixPath(path).parents)]
    kept = [path for path in kept if path not in {".", "data"}]
    found = []
    for name, stage in stages(content).items():
        for out in stage.get("outs", []):
            if any(inside(out, path) or inside(path, out) for path in kept):
                found.append(f"{name} owns {out}")
        if stage["cmd"].startswith("kedro run") and "training" in read_command(stage["cmd"])[0]:
            found.append(f"{name} registers a model")
    return found


@pytest.fixture
def content():
    return yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())


def test_the_stages_are_those_of_the_catalog(content):
    assert mistakes(content) == []
    assert sum(stage["cmd"].startswith("kedro run") for stage in stages(content).values()) >= 4


def without_a_lookup(content):
    content["stages"]["features"]["do"]["deps"].remove("data/01_raw/weather.parquet")


def with_another_folder(content):
    outs = ["data/03_primary/${item}/initial.parquet"]
    content["stages"]["validate"]["do"]["outs"] = outs


def with_a_dep_that_is_not_read(content):
    content["stages"]["validate"]["do"]["deps"].append("data/01_raw/planes.parquet")


def with_the_model(content):
    content["stages"]["train"] = {"cmd": "kedro run --pipelines=training --params=problem=late,"
                                  "batches=initial", "outs": ["data/06_models"]}  # fmt: skip


def with_code_that_is_gone(content):
    content["stages"]["validate"]["do"]["deps"].append("pipelines/data_validations")


@pytest.mark.parametrize(
    "spoil",
    [
        without_a_lookup,
        with_another_folder,
        with_a_dep_that_is_not_read,
        with_the_model,
        with_code_that_is_gone,
    ],
)
def test_a_stage_that_drifted_from_the_catalog_is_found(content, spoil):
    spoiled = copy.deepcopy(content)
    spoil(spoiled)
    assert mistakes(spoiled)


def dvc(root, *words):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words],
        cwd=root, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    return done.stdout


@pytest.mark.slow  # `dvc repro` starts `kedro run` twice
def test_dvc_repro_runs_on_tiny_data_and_leaves_model_and_versions_alone(project):
    root = project.root
    (root / "src").symlink_to(REPOSITORY / "src")
    for name in ("dvc.yaml", ".dvcignore"):
        shutil.copy(REPOSITORY / name, root / name)
    (root / ".dvc" / "config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    raw = root / "data" / "01_raw"
    (raw / "flights").mkdir(parents=True)
    tiny = root / "conf" / "test" / "data"
    shutil.copy(tiny / "initial.parquet", raw / "flights")
    for name in ("planes.parquet", "weather.parquet"):
        shutil.copy(tiny / name, raw)
    kept = root / "data" / "03_primary" / "air_time.dvc"
    kept.parent.mkdir(parents=True)
    kept.write_text("outs:\n- md5: 0123456789abcdef0123456789abcdef.dir\n  path: air_time\n")
    model = root / "data" / "06_models" / "air_time" / "challenger.json"
    model.parent.mkdir(parents=True)
    model.write_text("{}")
    dvc(root, "commit", "--force", "raw")  # what `driftune demo --data-only` would have built
    dvc(root, "repro", "features@air_time")
    made = root / "data" / "04_feature" / "air_time" / "initial.parquet"
    assert made.stat().st_size > 1000
    again = dvc(root, "repro", "features@air_time")
    assert "up to date" in again
    with Repo(str(root)) as repo:
        assert not {"raw", "validate@air_time", "features@air_time"} & repo.status().keys()
    assert model.exists()
    assert kept.exists()
    assert Registry(project.tracking_uri, "air_time").versions() == []
