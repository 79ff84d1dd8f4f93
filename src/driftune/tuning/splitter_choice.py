"""Which splitter a study uses: as written in settings, or what the problem asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeAlias, get_args

from driftune.durations import read_duration
from driftune.errors import UsageError, close_match

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from driftune.problem import Problem
    from driftune.tuning.prepared import Prepared

Kind: TypeAlias = Literal[
    "auto", "forward", "kfold", "stratified", "grouped", "stratified_grouped", "grouped_forward"
]
FORWARD = ("forward", "grouped_forward")
GROUPED = ("grouped", "stratified_grouped", "grouped_forward")


class CrossValidator(Protocol):
    """Any splitter of scikit-learn."""

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterable[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Yield row numbers of training and validation."""
        ...


@dataclass(frozen=True)
class Splitter:
    """How validation folds are cut.

    ========================  ======================================================
    ``kind``                  as in scikit-learn
    ========================  ======================================================
    ``forward``               ``TimeSeriesSplit``
    ``kfold``                 ``KFold``, shuffled; with ``repeats`` ``RepeatedKFold``
    ``stratified``            ``StratifiedKFold``, shuffled, and repeated likewise
    ``grouped``               ``GroupKFold``, shuffled
    ``stratified_grouped``    ``StratifiedGroupKFold``, shuffled
    ``grouped_forward``       ``TimeSeriesSplit``; a group that is validated on is not trained on
    ``auto``                  the first that fits: ``grouped_forward`` or ``forward`` with a time
                              column, ``(stratified_)grouped`` with a group column, else
                              ``stratified`` for classes and ``kfold`` for numbers
    ========================  ======================================================

    The SLLMBO paper's four (arXiv 2410.20302) are ``kfold``, ``stratified``, ``forward``, and
    ``{kind: grouped_forward, window: rolling}`` with days as groups.

    Args:
        kind: See above.
        folds: Folds of one pass; ``None`` for ``tuning.folds``.
        repeats: Passes with other shuffles.
        gap: Left out between training and validation, for labels that come late: a number of rows,
            or a duration such as ``7d``. Forward only.
        window: ``expanding`` trains on everything before, ``rolling`` on as many rows as the first
            fold has. Forward only.
        group: Column of rows that belong together, such as a patient; one that is no feature.
            ``None`` for the problem's ``group``.

    Raises:
        UsageError: An unknown word, a number out of its range, or settings that do not go together.
    """

    kind: Kind = "auto"
    folds: int | None = None
    repeats: int = 1
    gap: int | str = 0
    window: Literal["expanding", "rolling"] = "expanding"
    group: str | None = None

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        _check_word("kind", self.kind, get_args(Kind))
        _check_word("window", self.window, ("expanding", "rolling"))
        _check_number("folds", 2 if self.folds is None else self.folds, 2)
        _check_number("repeats", self.repeats, 1)
        if isinstance(self.gap, str):
            try:
                read_duration(self.gap)
            except UsageError as error:
                raise UsageError(f"tuning.splitter.gap: {error}") from None
        else:
            _check_number("gap", self.gap, 0)
        if self.kind != "auto":
            _check_together(self)

    @classmethod
    def load(cls, value: str | Mapping[str, Any] | Splitter | None) -> Splitter:
        """Read a name, a mapping as in YAML, or ``None`` for ``auto``.

        >>> Splitter.load("kfold") == Splitter.load({"kind": "kfold"})
        True
        """
        if isinstance(value, Splitter):
            return value
        settings = {"kind": value or "auto"} if value is None or isinstance(value, str) else value
        known = asdict(cls())
        for key in settings:
            if key not in known:
                raise UsageError(f"tuning.splitter has no key {key!r}.{close_match(key, known)}")
        return cls(**settings)

    def settle(self, problem: Problem, prepared: Prepared) -> Splitter:
        """Return this splitter with ``auto`` replaced by a kind.

        Raises:
            UsageError: The kind needs what the problem has not.
        """
        chosen = self if self.kind != "auto" else replace(self, kind=_default(problem, prepared))
        if chosen.kind.startswith("stratified") and prepared.classes is None:
            raise UsageError(
                f"tuning.splitter.kind {chosen.kind!r} needs classes, but {problem.metric!r} is of"
                f" a regression; use {'grouped' if chosen.kind in GROUPED else 'kfold'!r}."
            )
        if chosen.kind in FORWARD and prepared.time is None:
            raise UsageError(
                f"tuning.splitter.kind {chosen.kind!r} needs the column `time` of the problem"
                f" {problem.name!r}."
            )
        if chosen.kind in GROUPED and prepared.groups is None:
            raise UsageError(
                f"tuning.splitter.kind {chosen.kind!r} needs a column of groups:"
                " tuning.splitter.group, or `group` of the problem."
            )
        return chosen


def read_splitter(
    value: str | Mapping[str, Any] | Splitter | CrossValidator | None,
) -> Splitter | CrossValidator:
    """Read a splitter as a user gives it: ours by name or mapping, or one of scikit-learn.

    Raises:
        UsageError: It is neither.
    """
    if value is None or isinstance(value, str | Mapping | Splitter):
        return Splitter.load(value)
    if hasattr(value, "split"):
        return value
    raise UsageError(
        f"tuning.splitter is {value!r}: it is a name, a section of keys, or a splitter of"
        " scikit-learn."
    )


def _default(problem: Problem, prepared: Prepared) -> Kind:
    if prepared.time is not None:
        return "forward" if prepared.groups is None else "grouped_forward"
    if problem.task == "regression":
        return "kfold" if prepared.groups is None else "grouped"
    return "stratified" if prepared.groups is None else "stratified_grouped"


def _check_together(splitter: Splitter) -> None:
    forward = splitter.kind in FORWARD
    wrong = {
        "repeats": splitter.repeats > 1 and forward,
        "gap": splitter.gap != 0 and not forward,
        "window": splitter.window != "expanding" and not forward,
    }
    for name in (name for name, is_wrong in wrong.items() if is_wrong):
        why = "time has one order" if forward else "its rows have no order"
        raise UsageError(f"tuning.splitter.{name} does not go with kind {splitter.kind!r}: {why}.")


def _check_word(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        hint = close_match(str(value), known) or f" It is one of {', '.join(known)}."
        raise UsageError(f"tuning.splitter.{name} is {value!r}.{hint}")


def _check_number(name: str, value: object, lowest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
        raise UsageError(
            f"tuning.splitter.{name} is {value!r}; it must be a whole number of at least {lowest}."
        )
