"""Where the time of a study goes: LightGBM's calls in all threads, the rest in the main thread."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from functools import wraps
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIGHTGBM = "lightgbm"
STORAGE_METHODS = (
    "create_new_study", "create_new_trial", "get_all_studies", "get_all_trials", "get_best_trial",
    "get_n_trials", "get_study_id_from_name", "get_study_name_from_id", "get_study_system_attrs",
    "get_study_user_attrs", "get_trial", "record_heartbeat", "set_study_system_attr",
    "set_study_user_attr", "set_trial_intermediate_value", "set_trial_param",
    "set_trial_state_values", "set_trial_system_attr", "set_trial_user_attr",
)  # fmt: skip
SAMPLER_METHODS = (
    "after_trial", "before_trial", "infer_relative_search_space", "sample_independent",
    "sample_relative",
)  # fmt: skip
WATCHED = {  # kind of work -> module, class (or none), functions; an earlier version has not all
    LIGHTGBM: [
        ("lightgbm", None, ("train",)),
        ("lightgbm.sklearn", None, ("train",)),
        ("lightgbm", "Booster", ("__init__", "update", "eval", "eval_train", "eval_valid")),
        ("lightgbm", "Booster", ("predict",)),
        ("lightgbm", "Dataset", ("construct",)),
    ],
    "storage": [
        ("optuna.storages", "RDBStorage", ("__init__", *STORAGE_METHODS)),
        ("optuna.storages", "InMemoryStorage", STORAGE_METHODS),
        ("optuna.storages._cached_storage", "_CachedStorage", STORAGE_METHODS),
    ],
    "sampler": [
        ("optuna.samplers", "TPESampler", SAMPLER_METHODS),
        ("driftune.sampler", "LLMTPESampler", ("__init__", *SAMPLER_METHODS)),
    ],
    "table": [("driftune.tuning.study", None, ("load_task",))],
    "waiting": [
        ("concurrent.futures", "Future", ("result",)),
        ("concurrent.futures", None, ("wait",)),
        ("driftune.tuning.searching", None, ("wait",)),
    ],
}


class Stopwatch:
    """Seconds by kind of work, without those of the calls inside.

    Attributes:
        main: Seconds of the main thread by kind.
        fits: Beginning and end of each of LightGBM's calls, in any thread.
    """

    def __init__(self) -> None:
        self.main: Counter[str] = Counter()
        self.fits: list[tuple[float, float]] = []
        self._local = threading.local()

    def wrap(self, function: Callable[..., Any], kind: str) -> Callable[..., Any]:
        """Return ``function`` with its time taken."""

        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            stack = self._local.__dict__.setdefault("stack", [])
            if kind == LIGHTGBM and any(entry[0] == LIGHTGBM for entry in stack):
                return function(*args, **kwargs)
            stack.append([kind, 0.0])
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self._note(kind, began, time.perf_counter(), stack)

        return timed

    def _note(self, kind: str, began: float, ended: float, stack: list[Any]) -> None:
        _, inside = stack.pop()
        if stack:
            stack[-1][1] += ended - began
        if kind == LIGHTGBM:
            self.fits.append((began, ended))
        if threading.current_thread() is threading.main_thread():
            self.main[kind] += ended - began - inside

    def report(self, began: float, ended: float, n_jobs: int) -> dict[str, Any]:
        """Sum up a study that ran from ``began`` to ``ended``.

        Returns:
            ``outside``: share of the wall time in which no thread was in LightGBM.
            ``idle``: share of the core seconds lost because fewer fits than slots ran meanwhile.
            ``slots``: most fits at the same time. ``main``: seconds of the main thread by kind.
        """
        wall = ended - began
        covered, most = cover(self.fits)
        slots = max(1, min(most, n_jobs))
        fitting = sum(end - start for start, end in self.fits)
        kinds = {kind: round(seconds, 4) for kind, seconds in sorted(self.main.items())}
        kinds["other"] = round(wall - sum(self.main.values()), 4)
        return {
            "outside": 1 - covered / wall,
            "idle": covered / wall - min(fitting / slots, covered) / wall,
            "slots": slots,
            "main": kinds,
        }


def cover(intervals: list[tuple[float, float]]) -> tuple[float, int]:
    """Return the length of the union of intervals, and how many overlap at most.

    >>> cover([(0.0, 2.0), (1.0, 3.0), (5.0, 6.0)])
    (4.0, 2)
    """
    edges = sorted([(start, 1) for start, _ in intervals] + [(end, -1) for _, end in intervals])
    length, most, running, since = 0.0, 0, 0, 0.0
    for moment, step in edges:
        if running == 0:
            since = moment
        running += step
        most = max(most, running)
        if running == 0:
            length += moment - since
    return length, most


@contextmanager
def watching() -> Iterator[Stopwatch]:
    """Take the time of everything in :data:`WATCHED`."""
    watch = Stopwatch()
    with ExitStack() as patches:
        for kind, places in WATCHED.items():
            for module, cls, names in places:
                if find_spec(module) is None:
                    continue
                owner = import_module(module)
                owner = owner if cls is None else getattr(owner, cls)
                for name in names:
                    if hasattr(owner, name):
                        timed = watch.wrap(getattr(owner, name), kind)
                        patches.enter_context(patch.object(owner, name, timed))
        yield watch
