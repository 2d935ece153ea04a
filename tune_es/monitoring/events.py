"""The event log of a sweep: one line of JSON for whatever happened, in the order it happened.

It lies in the folder of the experiment, one file for every time that the sweep was started or
restored, and is written while the sweep runs: Ray's own files of results come there every ten
seconds or later. The events are ``sweep`` (policy, planned trials), ``policy`` where that is known
later, ``trial`` (name, config), ``start``, ``result`` (step, values, what was decided), ``end``
(why it was), ``alive`` where nothing happened for a while, and ``over``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from tune_es.reading import ODDITIES

logger = logging.getLogger("tune_es")

EVENTS = "es_events-*.jsonl"
#: Version of what the events hold.
LAYOUT = 1

Event = Mapping[str, Any]


class EventWriter:
    """Writes events into a new file of a folder; a disk that refuses it stops nothing.

    Lines are kept until :meth:`flush`. After a line that could not be written nothing more is, and
    one warning says so: a log with a hole would tell a story that did not happen.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / _name(folder)
        self._lines: list[str] = []
        self._file: IO[str] | None = None
        self._has_failed = False

    def write(self, event: Event) -> None:
        """Keep an event for the next flush; what is no JSON in it is written as its ``repr``."""
        if not self._has_failed:
            self._lines.append(_line(event) + "\n")

    def flush(self) -> None:
        """Have everything so far on disk."""
        if self._has_failed or not self._lines:
            return
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("a", encoding="utf-8")
            self._file.writelines(self._lines)
            self._file.flush()
        except OSError as error:
            self._fail(error)
        self._lines.clear()

    def close(self) -> None:
        """Flush, and let go of the file."""
        self.flush()
        if self._file is not None:
            try:
                self._file.close()
            except OSError as error:
                self._fail(error)
            self._file = None

    def _fail(self, error: OSError) -> None:
        if not self._has_failed:
            self._has_failed = True
            logger.warning(
                "%s could not be written: %s; reports of this sweep end here", self.path, error
            )


class EventReader:
    """Gives the events in a folder, and later those that were added since.

    A line that a crash cut off, or that is no event, is left out.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}

    def new(self) -> Iterator[Event]:
        """All events that were not given yet, the oldest file first."""
        for path in sorted(self._folder.glob(EVENTS)):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    self._read[path] = self._read.get(path, 0) + len(line)
                    if (event := _parsed(line)) is not None:
                        yield event


def has_events(folder: Path) -> bool:
    """True where a sweep has left an event log."""
    return any(folder.glob(EVENTS))


def _name(folder: Path) -> str:
    """Sorts behind those that are there, whatever the clock says."""
    known = sorted(path.name for path in folder.glob(EVENTS)) if folder.is_dir() else []
    last = known[-1].removeprefix("es_events-")[:4] if known else ""
    number = int(last) + 1 if last.isdigit() else 1
    return f"es_events-{number:04d}-{datetime.now():%Y%m%d-%H%M%S-%f}.jsonl"


def _parsed(line: bytes) -> Event | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def _as_text(value: object) -> object:
    """What JSON does not know: a number of NumPy or a tensor as a number, the rest in words."""
    with suppress(*ODDITIES):
        plain: Callable[[], object] | None = getattr(value, "item", None)
        if callable(plain) and getattr(value, "ndim", 1) == 0:
            return plain()
    return _in_words(value)


def _in_words(value: object) -> str:
    try:
        return repr(value)[:200]
    except ODDITIES:
        return f"<{type(value).__name__}>"


#: Made once: a new encoder for every event would cost more than the event.
_encode = json.JSONEncoder(default=_as_text, skipkeys=True).encode


def _line(event: Event) -> str:
    """An event as JSON; of what cannot be written, such as a list that holds itself, its words."""
    try:
        return _encode(event)
    except ODDITIES:
        return _encode({name: _writable(each) for name, each in event.items()})


def _writable(value: object) -> object:
    if _is_writable(value):
        return value
    if not isinstance(value, dict):
        return _in_words(value)
    named = {key: each for key, each in value.items() if isinstance(key, str)}
    return {key: each if _is_writable(each) else _in_words(each) for key, each in named.items()}


def _is_writable(value: object) -> bool:
    try:
        _encode(value)
    except ODDITIES:
        return False
    return True
