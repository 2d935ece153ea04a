"""Runs a private rule inside a trial: the metric goes in, and the stop alone comes out."""

from __future__ import annotations

import json
import math
import os
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from tune_es.cohort import Cohort
from tune_es.criteria.discrete_laplace import KEY_SIZE
from tune_es.criteria.private import Private, Secrets
from tune_es.reading import read_number
from tune_es.records import Metric, Observation
from tune_es.spec import to_spec


class PrivateStop:
    """Asks a :class:`tune_es.Private` rule in the process that trains.

    Neither the metric nor the noise leaves this object: what a trial reports is the answer of
    :meth:`ask`, as a number of its own (``{"private_stop": int(answer)}``), which a sweep stops at
    by ``Target(1)``. Do not report, print or save the metric, nor choose a checkpoint by it.

    Build it inside the trial. Its noise comes from a key of the operating system's secure source,
    one for each object, so it refuses to be pickled.

    Args:
        rule: What is asked, and what it costs.
        mode: ``"min"`` or ``"max"``, of the metric.
        file: Where the state is kept for a trial that has to start again; an absolute path, for a
            trial's own folder is uploaded. The file is a secret that only its owner may read. It
            loses everything but the answer at the stop and in :meth:`close`. Where it cannot be
            written :meth:`ask` raises, for an answer that is not saved must not be given. Without a
            file a trial that starts again asks from the beginning, and pays again.

    Raises:
        ValueError: Not a ``Private`` rule, a mode that is none, or a file that another rule left.

    >>> from tune_es import Private
    >>> stop = PrivateStop(Private(epsilon=1, n_val=10_000, target=0.9), mode="max")
    >>> [stop.ask(accuracy) for accuracy in (0.5, 0.6, 0.99)]
    [False, False, True]
    >>> stop
    PrivateStop(epsilon=1, checks=3, stopped=True)
    """

    def __init__(self, rule: Private, mode: str, file: str | Path | None = None) -> None:
        if not isinstance(rule, Private):
            raise ValueError(f"PrivateStop.rule must be a Private rule, got {rule!r}")
        self.rule = rule
        self._sign = Metric("score", mode).sign
        self._file = None if file is None else Path(file)
        if self._file is not None and not self._file.is_absolute():
            raise ValueError(f"PrivateStop.file must be an absolute path, got {str(file)!r}")
        self._step = -math.inf
        is_seeded = rule.test_seed is not None
        self._state = rule.init() if is_seeded else rule.begin(secrets.token_bytes(KEY_SIZE))
        if self._file is not None and self._file.exists():
            self._load(self._file)

    def ask(self, value: object, step: float | None = None) -> bool:
        """Whether training is to end after an evaluation.

        A step that was asked about before is not asked again, whatever its value is now: the answer
        was no. Without steps every call is a new one. What is no number is the worst value.
        """
        step = (0 if self._step == -math.inf else self._step + 1) if step is None else step
        if not step > self._step or not self._state.key:  # asked before, or nothing left to ask
            return self.stopped
        number = read_number(value)
        score = math.nan if number is None else self._sign * number
        signs = {} if self.rule.metric is None else {self.rule.metric: self._sign}
        seen = Observation("", step, score, dict.fromkeys(signs, score), signs, self._sign)
        self._state, verdict = self.rule.step(self._state, seen, Cohort().peers(""))
        self._step = step
        self._save()
        return verdict.stop

    @property
    def stopped(self) -> bool:
        """True once the answer was yes."""
        return self._state.stopped

    @property
    def checks(self) -> int:
        """How many questions were answered."""
        return self._state.checks

    @property
    def epsilon(self) -> float:
        """What all answers cost together; infinite with noise from a ``test_seed``."""
        return self.rule.epsilon if self.rule.test_seed is None else math.inf

    def close(self) -> None:
        """Forget what is secret: nothing will be asked any more."""
        self._state = Secrets(b"", checks=self.checks, stopped=self.stopped)
        self._save()

    def __repr__(self) -> str:
        answers = f"checks={self.checks}, stopped={self.stopped}"
        return f"PrivateStop(epsilon={self.epsilon:g}, {answers})"

    def __getstate__(self) -> NoReturn:
        raise TypeError("PrivateStop holds a secret key: build it inside the trial")

    def _save(self) -> None:
        """Have the state on disk before its answer is known: no noise is to be used twice."""
        if self._file is None:
            return
        state = asdict(self._state) | {"key": self._state.key.hex()}
        text = json.dumps({"rule": to_spec(self.rule), "step": self._step, "state": state})
        self._file.parent.mkdir(parents=True, exist_ok=True)
        half = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        half.unlink(missing_ok=True)
        handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        half.replace(self._file)

    def _load(self, file: Path) -> None:
        try:
            saved: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            rule, step, state = saved["rule"], saved["step"], saved["state"]
            state |= {"key": bytes.fromhex(state["key"]), "recent": tuple(state["recent"])}
            self._state, self._step = Secrets(**state), step
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ValueError(
                f"PrivateStop.file {file} is not the state of a private stop"
            ) from None
        if rule != json.loads(json.dumps(to_spec(self.rule))):
            raise ValueError(f"PrivateStop.file {file} was left by another rule; take another file")
