"""Names of bytes and of code."""

from __future__ import annotations

from hashlib import md5
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def file_version(path: Path) -> str:
    """Return the hash that DVC gives to one file (MD5 of its bytes; a name, not a safeguard)."""
    digest = md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def code_version(root: Path) -> str:
    """Return the commit that is checked out, with ``-dirty`` when files differ, or ``no-git``."""
    from dvc.exceptions import DvcException
    from dvc.scm import SCM, NoSCM, SCMError
    from scmrepo.exceptions import SCMError as NoCommit

    try:
        scm = SCM(str(root))
    except (SCMError, DvcException):
        return "no-git"
    if isinstance(scm, NoSCM):
        return "no-git"
    try:
        return f"{scm.get_rev()}{'-dirty' if scm.is_dirty() else ''}"
    except NoCommit:
        return "no-git"
    finally:
        scm.close()
