"""Text built once and kept in the user's cache folder."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable
from pathlib import Path


def cache_folder() -> Path:
    """`TUNE_ES_CACHE` if set, otherwise the platform's place for caches, with `tune-es` in it."""
    chosen = os.environ.get("TUNE_ES_CACHE")
    if chosen:
        return Path(chosen)
    home = Path.home()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "tune-es"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "tune-es"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "tune-es"


def cached_text(name: str, build: Callable[[], str]) -> str:
    """The text kept under that name, built and written first if it is not there.

    The file appears whole or not at all, so two processes may build at the same time.
    """
    path = cache_folder() / name
    if path.is_file():
        return path.read_text(encoding="utf-8")
    text = build()
    write_whole(path, text)
    return text


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader, or a crash, never meets half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
