"""Replies on disk, found again by the content of the question."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from driftune.errors import LanguageModelError, UsageError
from driftune.language_model.protocol import (
    LanguageModel,
    Message,
    Reply,
    name_of,
    settings_of,
    worst_cost_of,
)

_logger = logging.getLogger(__name__)
_MEASURED = re.compile(r'"(fit_seconds)": [0-9.e+-]+')


class CachedLanguageModel:
    """Asks ``inner`` once per question and replays the reply for ever after.

    A reply is one JSON file named by the SHA-256 of model name, messages, schema and settings;
    measured seconds in the messages do not count, for no two runs of a study agree on them. It
    holds no key and no setting of the environment, so the folder can be versioned and shared. A
    replayed reply carries the tokens, cost and seconds of the call that was once made: a replayed
    study is the same study.

    Args:
        inner: The model to ask on a miss; ``None`` replays only.
        folder: Where the files are; made when missing.
        model: The model's name in the hash; by default ``inner.model``. Needed without ``inner``.
        settings: What else shapes an answer, such as the temperature; by default
            ``inner.settings``.

    Raises:
        UsageError: If neither ``inner`` nor ``model`` names the model.
    """

    def __init__(
        self,
        inner: LanguageModel | None,
        folder: str | Path,
        *,
        model: str | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        if inner is None and model is None:
            raise UsageError("A cache without inner replays only: say whose replies with model=.")
        self.inner = inner
        self.folder = Path(folder)
        self.model = model or name_of(inner)
        self.settings = settings_of(inner) if settings is None else dict(settings)

    def complete(self, messages: list[Message], schema: dict[str, Any]) -> Reply:
        """Return the reply on disk, else ask ``inner`` and keep what it says.

        Raises:
            LanguageModelError: On a miss without ``inner``, on a file that is not a reply, or
                from ``inner``. Errors are not kept.
        """
        path = self.folder / f"{self.key(messages, schema)}.json"
        if path.exists():
            return _read(path)
        if self.inner is None:
            raise LanguageModelError(
                f"No reply of {self.model!r} to this question in {self.folder}; "
                "give the cache an inner model to ask."
            )
        reply = self.inner.complete(messages, schema)
        try:
            self._write(path, reply)
        except OSError as error:  # a full disk must not lose what was paid for
            _logger.warning("A reply of %s is not kept in the cache: %s", self.model, error)
        return reply

    def worst_cost(self, messages: list[Message], schema: dict[str, Any]) -> float:
        """US dollars: 0 when the reply is on disk, else what ``inner`` says."""
        known = (self.folder / f"{self.key(messages, schema)}.json").exists()
        return 0.0 if known else worst_cost_of(self.inner, messages, schema)

    def key(self, messages: list[Message], schema: dict[str, Any]) -> str:
        """SHA-256 of the question, as 64 hexadecimal digits."""
        question = {
            "model": self.model,
            "messages": [
                {**message, "content": _MEASURED.sub(r'"\1"', message["content"])}
                for message in messages
            ],
            "schema": schema,
            "settings": self.settings,
        }
        text = json.dumps(question, sort_keys=True, ensure_ascii=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def _write(self, path: Path, reply: Reply) -> None:
        # A kill between the two steps leaves a stray temporary file, never half a reply.
        self.folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self.folder, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(reply), file, indent=1, sort_keys=True)
        Path(temporary).replace(path)


def _read(path: Path) -> Reply:
    try:
        return Reply(**json.loads(path.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, TypeError) as error:
        raise LanguageModelError(f"{path} is not a reply; delete it to ask again.") from error
