"""The ``es`` entry of a result: the same keys in every result of every trial."""

from __future__ import annotations

import math

from tune_es.monitoring.sentence import CONTINUE, sentence
from tune_es.records import Decision


def columns(decision: Decision | None) -> dict[str, str | float]:
    """What loggers are given; every key is always there, because CSV drops keys that come late.

    ``code`` is 0 while the trial goes on and the number of the cause once it stops: TensorBoard
    shows numbers only. ``patience_left`` (evaluations) and ``best`` are NaN where unknown.

    >>> columns(None)["reason"], columns(None)["code"]
    ('continue', 0)
    """
    if decision is None:
        unknown = dict.fromkeys(("best", "best_step", "patience_left"), math.nan)
        return {"reason": CONTINUE, "code": 0, "cause": "none", **unknown}
    cause = decision.verdict.cause
    left, best_step = decision.verdict.left, decision.best_step
    return {
        "reason": sentence(decision),
        "code": cause.value if cause else 0,
        "cause": cause.name if cause else "none",
        "best": decision.best,
        "best_step": math.nan if best_step is None else best_step,
        "patience_left": math.nan if left is None else left,
    }
