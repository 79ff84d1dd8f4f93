"""What other packages say, without the passwords and keys that their addresses may hold."""

from __future__ import annotations

import re

LONGEST = 300
USER = re.compile(r"//[^/\s]*@")
QUERY = re.compile(r"\?[^\s'\"]+=[^\s'\"]*")


def reason(error: BaseException) -> str:
    r"""Return the first line of an error, fit for a message.

    >>> reason(OSError("https://me:secret@host/a?sig=abc does not answer\nmore"))
    'https://host/a?... does not answer'
    >>> reason(TimeoutError())
    'TimeoutError'
    """
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return without_secrets(lines[0])[:LONGEST].rstrip(".") if lines else type(error).__name__


def without_secrets(text: str) -> str:
    """Take user, password and query out of the addresses in a text."""
    return QUERY.sub("?...", USER.sub("//", text))
