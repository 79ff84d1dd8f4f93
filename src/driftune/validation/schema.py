"""Columns and their types against the initial rows: missing, renamed, of another type, new.

These are always checked and always critical: a model that was retuned on a changed schema would
hide the change.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from driftune.validation.finding import Finding
from driftune.validation.profile import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftune.settings import Settings

SCHEMA = "schema"
ALIKE = 0.6  # of difflib, for names such as `distance` and `distance_km`


def needed_columns(columns: list[str], settings: Settings) -> list[str]:
    """Return those of ``columns`` that features, joins, order or identity are made of."""
    kept = {settings.target, *settings.ids, *filter(None, [settings.time, settings.group])}
    for join in settings.features.joins:
        kept |= {*join.by, *([join.as_of.at] if join.as_of else [])}
    return [name for name in columns if name in kept or name not in settings.drop]


def expected_kinds(settings: Settings, reference: Mapping[str, str] | None) -> dict[str, str]:
    """Return column -> kind: ``validation.types``, and what the initial rows say of the others."""
    known = {**(reference or {}), **settings.validation.types}
    return {name: known[name] for name in needed_columns(list(known), settings)}


def check_schema(
    found: Mapping[str, str], settings: Settings, reference: Mapping[str, str] | None
) -> list[Finding]:
    """Compare a table's columns with what is expected.

    Args:
        found: Column -> kind of the batch, see :class:`driftune.validation.profile.ColumnProfile`.
        settings: The problem; a batch without the target's column has no labels yet.
        reference: Column -> kind of the initial rows; ``None`` when these are checked themselves.

    Returns:
        One finding per difference, or one that says that there is none.
    """
    expected = expected_kinds(settings, reference)
    new = [name for name in found if name not in (reference or found)]
    missing = [name for name in (*expected, *_required(settings)) if name not in found]
    findings = [_missing(name, new, found, expected, settings) for name in dict.fromkeys(missing)]
    findings += [
        Finding(
            SCHEMA,
            f"column {name!r} holds {found[name]}, and {kind} in the initial rows (or in"
            " validation.types)",
            name,
        )
        for name, kind in expected.items()
        if found.get(name, kind) not in {kind, UNKNOWN}
    ]
    if not findings:
        findings = [Finding(SCHEMA, "every column is there, of its type", success=True)]
    severity = settings.validation.built_in.new_columns
    if reference and new and severity != "off":
        told = f"columns that the initial rows do not have, which no model sees: {', '.join(new)}"
        findings.append(Finding("new_columns", told, severity=severity))
    return findings


def _required(settings: Settings) -> tuple[str, ...]:
    return (settings.target, *settings.ids, *filter(None, [settings.time, settings.group]))


def _missing(
    name: str,
    new: list[str],
    found: Mapping[str, str],
    expected: Mapping[str, str],
    settings: Settings,
) -> Finding:
    candidates = [c for c in new if expected.get(name) in {found[c], None}]
    renamed = get_close_matches(name, candidates, n=1, cutoff=ALIKE)
    if not renamed and len(new) == 1 and candidates:
        renamed = candidates  # the one that is gone and the one that is new
    if renamed:
        told = f"no column {name!r}; was it renamed to {renamed[0]!r}?"
        return Finding(SCHEMA, told, name)
    if name == settings.target and expected:
        return Finding("labels", f"no column {name!r}: no labels yet", name, severity="warning")
    return Finding(SCHEMA, f"no column {name!r}", name)
