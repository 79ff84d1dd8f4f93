"""How long a provider asks to be left alone."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def seconds_to_wait(error: Exception, default: float) -> float:
    """Read ``Retry-After`` (RFC 9110, 10.2.3: seconds or a date) off an error of LiteLLM.

    >>> error = Exception()
    >>> seconds_to_wait(error, 0.5)
    0.5
    >>> error.litellm_response_headers = {"retry-after": "7"}
    >>> seconds_to_wait(error, 0.5)
    7.0

    Args:
        error: LiteLLM rebuilds the response without its headers and keeps them on the error.
        default: Seconds when nothing readable is stated.
    """
    headers = getattr(error, "litellm_response_headers", None) or {}
    stated = str(headers.get("retry-after", ""))
    if stated.replace(".", "", 1).isdigit():
        return float(stated)
    try:
        moment = parsedate_to_datetime(stated)
    except ValueError:
        return default
    if moment.tzinfo is None:  # "-0000": UTC, says RFC 5322
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
