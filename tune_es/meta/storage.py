"""Where a search keeps what it has tried: an Optuna study that holds finished trials alone."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

#: Cost and regret, both to be small.
DIRECTIONS = (StudyDirection.MINIMIZE, StudyDirection.MINIMIZE)
NAMES = ("cost", "regret")

#: The user attribute of the study with everything that must not change between two runs.
SETTINGS = "tune_es"


class Archive:
    """The trials of earlier runs, and a place for those of this one.

    Trials are added when they are finished, a batch at a time: whatever ends a search, no trial
    is left RUNNING.

    Args:
        storage: A URL of Optuna (``sqlite:///tune.db``, ``postgresql://...``), a file for a
            journal, or None to keep nothing.
        settings: What the results depend on.
        study: The name of the study.

    Raises:
        ValueError: The storage holds a search with other curves or other settings.
    """

    def __init__(
        self, storage: str | None, settings: Mapping[str, Any], study: str = "tune-es"
    ) -> None:
        self._study = None if storage is None else _study(storage, study)
        self.trials: list[FrozenTrial] = []
        if self._study is None:
            return
        plain = json.loads(json.dumps(settings))
        kept = self._study.user_attrs.get(SETTINGS)
        if kept is None:
            self._study.set_user_attr(SETTINGS, plain)
        elif kept != plain:
            _refuse(str(storage), study, kept, plain)
        found = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        self.trials = sorted(found, key=lambda trial: trial.number)

    def add(self, trials: Sequence[FrozenTrial]) -> None:
        """Keep trials that are finished."""
        if self._study is not None:
            self._study.add_trials(trials)


@contextmanager
def quiet() -> Iterator[None]:
    """Without Optuna's word on every study that is made, and on what it may change one day."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


def _study(storage: str, name: str) -> optuna.Study:
    try:
        with quiet():
            study = optuna.create_study(
                storage=_opened(storage),
                study_name=name,
                directions=DIRECTIONS,
                load_if_exists=True,
            )
            study.set_metric_names(list(NAMES))
    except (SQLAlchemyError, ImportError) as error:  # it tells in many lines
        words = str(error).partition("\n")[0]
        raise ValueError(f"the storage {storage} cannot be used: {words}") from error
    return study


def _opened(storage: str) -> str | BaseStorage:
    if "://" in storage:
        return storage
    file = Path(storage)
    if not file.parent.is_dir():
        raise ValueError(f"the storage must be a URL or a file in a folder that exists: {storage}")
    if file.is_file() and not _is_journal(file):  # it would be written into
        raise ValueError(f"the storage {storage} cannot be used: it is no journal of Optuna")
    return JournalStorage(JournalFileBackend(storage))


def _is_journal(file: Path) -> bool:
    """True for an empty file, too."""
    with file.open("rb") as lines:
        first = lines.readline()
    try:
        return not first or "op_code" in json.loads(first)
    except (ValueError, TypeError):
        return False


def _refuse(storage: str, study: str, kept: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    names = sorted({*kept, *now})
    name = next(name for name in names if kept.get(name) != now.get(name))
    raise ValueError(
        f"{storage} holds a search with other settings ({name} was {_short(kept.get(name))}, now "
        f"{_short(now.get(name))}); use them again, or another storage or study than {study!r}"
    )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
