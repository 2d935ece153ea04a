"""Decisions in words; the only place that makes sentences of evidence."""

from __future__ import annotations

from tune_es.records import Action, Cause, Decision

WORDS = {
    Cause.BROKEN: "broken",
    Cause.HOPELESS: "hopeless",
    Cause.STALLED: "stalled",
    Cause.OVERFIT: "overfit",
    Cause.REACHED: "target reached",
    Cause.EXHAUSTED: "budget used",
}

#: The reason of a decision that does not stop.
CONTINUE = "continue"


def sentence(decision: Decision) -> str:
    """Why a decision is what it is, in one line.

    >>> from tune_es import Patience, Policy
    >>> sentence(Policy("loss", "min", stop=Patience(1)).first_stop([0.5, 0.75]))
    'stalled: Patience (value=0.75, misses=1, limit=1, best=0.5)'
    """
    verdict = decision.verdict
    if decision.action is Action.PAUSE:
        return f"paused at rung {verdict.evidence['rung']:g}"
    if not decision.stop or verdict.cause is None:
        return CONTINUE
    evidence = ", ".join(f"{name}={value:.4g}" for name, value in verdict.evidence.items())
    return f"{WORDS[verdict.cause]}: {verdict.criterion} ({evidence})"
