"""Find a model family by name, by the import path of an estimator or of a class of one's own.

Import paths run code. They are read from settings alone, by :func:`get_family`; what a result or
another file names is looked up by :func:`find_family`, which imports nothing new.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from driftune.errors import MissingPackage, UsageError, close_match

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftune.tuning.families import Family

# name -> module and class; the packages are imported when a model is fitted
FAMILIES = {
    "lightgbm": ("lightgbm", "LightGBM"),
    "xgboost": ("xgboost", "XGBoost"),
    "hist_gradient_boosting": ("hist_gradient_boosting", "HistGradientBoosting"),
    "random_forest": ("forests", "RandomForest"),
    "extra_trees": ("forests", "ExtraTrees"),
    "linear": ("linear", "Linear"),
    "mlp": ("mlp", "MLP"),
}
PACKAGES = {"lightgbm": "pipeline", "xgboost": "xgboost"}  # package -> our extra that installs it
AUTO = "auto"
JOIN = "+"
_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+|[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_declared: dict[str, Family] = {}  # from settings, by import path, that this process has used


def get_family(name: str | Sequence[str]) -> Family:
    """Find the family, or the union of families, that a setting names.

    Args:
        name: A name of :data:`FAMILIES`, an import path of a scikit-learn-compatible estimator
            (``sklearn.svm.SVR``) or of a family's class (``my_package.my_module:MyFamily``), a list
            of these, or ``auto``: LightGBM (HistGradientBoosting where it is not installed),
            XGBoost where it is installed, extra trees and linear models.

    Raises:
        UsageError: There is no such family, or the import path leads to something else.
        MissingPackage: The family's package is not installed; says what to install.
    """
    if not isinstance(name, str):
        return _unite([_one(part) for part in name])
    if name == AUTO:
        return _unite([_one(part) for part in _installed()])
    if JOIN in name:
        return _unite([_one(part) for part in name.split(JOIN)])
    return _one(name)


def find_family(name: str, declared: str | Sequence[str] | None = None) -> Family:
    """Find the family that a result names, without importing what only the result names.

    Args:
        name: :attr:`driftune.tuning.TuningResult.family`.
        declared: What the settings say of the family; may hold import paths.

    Raises:
        UsageError: As :func:`get_family`, or an import path that no setting has named.
    """
    if declared is not None:
        family = get_family(declared)
        if family.name == name:
            return family
    for part in name.split(JOIN):
        if part not in FAMILIES and part not in _declared:
            raise UsageError(
                f"The model family {part!r} comes with the result alone; name it in `tuning.family`"
                " of the settings, or as the argument `family`: an import path runs code."
            )
    return get_family(name)


def _installed() -> list[str]:
    chosen = ["lightgbm" if find_spec("lightgbm") else "hist_gradient_boosting"]
    return [*chosen, *(["xgboost"] if find_spec("xgboost") else []), "extra_trees", "linear"]


def _unite(members: list[Family]) -> Family:
    from driftune.tuning.families.union import Union

    if not members:
        raise UsageError("tuning.family is an empty list: name a model family.")
    if len(members) == 1:
        return members[0]
    return Union(tuple(members))


def _one(name: str) -> Family:
    if name in FAMILIES:
        return _ours(name)
    if name in _declared:
        return _declared[name]
    if not isinstance(name, str) or not _PATH.fullmatch(name):
        raise UsageError(
            f"There is no model family {name!r} (tuning.family)."
            + close_match(str(name), [*FAMILIES, AUTO])
        )
    family = _from_path(name)
    _declared[name] = _declared[family.name] = family
    return family


def _ours(name: str) -> Family:
    module, kind = FAMILIES[name]
    if name in PACKAGES and find_spec(name) is None:
        raise MissingPackage(
            f'The model family {name!r} needs the package {name}: pip install "driftune'
            f'[{PACKAGES[name]}]".'
        )
    family: Family = getattr(importlib.import_module(f"{__package__}.{module}"), kind)()
    return family


def _from_path(path: str) -> Family:
    module_name, _, kind = path.partition(":") if ":" in path else path.rpartition(".")
    module = _import(module_name, path)
    found = getattr(module, kind, None)
    if not inspect.isclass(found):
        classes = [n for n, value in vars(module).items() if inspect.isclass(value)]
        raise UsageError(
            f"{module_name} has no class {kind!r} (tuning.family).{close_match(kind, classes)}"
        )
    if hasattr(found, "fold_fitter"):
        return _checked(found(), path)
    if hasattr(found, "get_params") and hasattr(found, "fit"):
        from driftune.tuning.families.imported import Imported

        return Imported(path, found)
    raise UsageError(
        f"{path} is neither a scikit-learn-compatible estimator nor a model family (tuning.family)."
    )


def _import(module: str, path: str) -> Any:
    """Import a module, from the working directory too, which a console script leaves out."""
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.append(here)
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if added:
            sys.path.remove(here)
        raise UsageError(f"{path} cannot be imported (tuning.family): {error}.") from error


def _checked(family: Any, path: str) -> Family:
    wanted = ("name", "presets", "parameter_names", "aliases", "rounds_grow", "make_estimator")
    for attribute in wanted:
        if not hasattr(family, attribute):
            raise UsageError(f"{path} lacks {attribute!r}, which a model family needs.")
    if not re.fullmatch(r"[A-Za-z_][\w.-]*", str(family.name)):
        raise UsageError(f"{path}.name is {family.name!r}; it must be a word: it names parameters.")
    if family.name in FAMILIES or family.name == AUTO:
        raise UsageError(f"{path}.name is {family.name!r}; choose a name that is not ours.")
    checked: Family = family
    return checked
