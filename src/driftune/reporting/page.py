"""Turn a story into HTML. All text is escaped; only our own pictures go in as markup."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from jinja2 import Environment


def render_page(template: str, **content: Any) -> str:
    """Return the page that a template of this package makes of its content."""
    return _environment().get_template(template).render(**content)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("driftune.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": write_number,
        "percent": write_percent,
        "moment": write_moment,
        "plain": write_plain,
        "words": lambda text: str(text).replace("_", " "),
    }
    return environment


def write_number(value: float | None, digits: int = 4) -> str:
    """Four significant digits, or a dash for what is not known (NaN too).

    >>> write_number(16.7221), write_number(None)
    ('16.72', '-')
    """
    return "-" if value is None or value != value else f"{value:,.{digits}g}"  # noqa: PLR0124


def write_percent(value: float | None) -> str:
    """A share with its sign, or a dash.

    >>> write_percent(0.0314), write_percent(-0.2), write_percent(None)
    ('+3.1 %', '-20.0 %', '-')
    """
    return "-" if value is None or value != value else f"{100 * value:+.1f} %"  # noqa: PLR0124


def write_moment(value: datetime | None) -> str:
    """A moment to the minute, or a dash."""
    return value.strftime("%Y-%m-%d %H:%M UTC") if value else "-"


def write_plain(value: Any) -> str:
    """Any value of a ledger's JSON.

    >>> write_plain(0.123456), write_plain(123456), write_plain(True), write_plain(None)
    ('0.1235', '123,456', 'yes', '-')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return write_number(value) if value is None or isinstance(value, float) else str(value)
