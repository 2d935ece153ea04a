"""Decisions as log records: one line each, every field by its name.

They go to the logger ``tune_es.decisions``: a stop at INFO, every other decision at DEBUG. A line
is ``key=value`` pairs in a fixed order (see :func:`line`); a text that is empty, or has a blank, a
quote or a ``=`` in it, is written as JSON, and what is not known is ``none``. The record's
``decision`` is the :class:`tune_es.Decision` itself, for handlers that write records of their own.
A line holds no time and nothing of the process: the same results give the same lines.
"""

from __future__ import annotations

import json
import logging

from tune_es.records import Decision

logger = logging.getLogger("tune_es.decisions")


def log_decision(decision: Decision) -> None:
    """Log one decision; where nobody listens it costs a look at the level."""
    level = logging.INFO if decision.stop else logging.DEBUG
    if logger.isEnabledFor(level):
        logger.log(level, "%s", line(decision), extra={"decision": decision})


def line(decision: Decision) -> str:
    """The decision as ``key=value`` pairs.

    >>> from tune_es import Patience, Policy
    >>> line(Policy("loss", "min", stop=Patience(1)).first_stop([0.5, 0.75]))
    'event=stop trial="" step=2 action=STOP cause=STALLED criterion=Patience best=0.5 best_step=1 \
left=0 evidence={"value":0.75,"misses":1,"limit":1,"best":0.5}'
    """
    verdict = decision.verdict
    fields = {
        "event": "stop" if decision.stop else "decision",
        "trial": decision.trial_id,
        "step": decision.step,
        "action": decision.action.value,
        "cause": None if verdict.cause is None else verdict.cause.name,
        "criterion": verdict.criterion,
        "best": decision.best,
        "best_step": decision.best_step,
        "left": verdict.left,
        "evidence": dict(verdict.evidence),
    }
    return " ".join(f"{name}={_shown(value)}" for name, value in fields.items())


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, str) and value and value.isprintable() and not {*' "='} & {*value}:
        return value
    return json.dumps(value, separators=(",", ":"))
