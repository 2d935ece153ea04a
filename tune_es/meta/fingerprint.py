"""What curves were used, as one short text: for certificates, and for searches that go on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from tune_es.replay import TaskCurves


def fingerprint(tasks: Iterable[TaskCurves]) -> str:
    """A hash of names, modes, budgets and every metric; the order of the tasks does not matter.

    >>> from tune_es.replay import task_curves
    >>> fingerprint([task_curves([[0.9, 0.5]], "val_loss", "min")])
    'sha256:e8d4598613ce6556'
    """
    total = hashlib.sha256()
    for one in sorted(_of_task(curves) for curves in tasks):
        total.update(one)
    return f"sha256:{total.hexdigest()[:16]}"


def _of_task(curves: TaskCurves) -> bytes:
    task, found = curves.task, hashlib.sha256()
    about = (task.source, task.name, task.metric, task.mode, task.max_t, curves.trial_ids)
    found.update(repr(about).encode())
    found.update(np.asarray(curves.starts, np.int64).tobytes())
    for name in sorted(curves.metrics):
        values = np.asarray(curves.metrics[name], np.float64)
        found.update(name.encode() + np.where(np.isnan(values), np.nan, values).tobytes())
    return found.digest()
