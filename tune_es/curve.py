"""A criterion tried out on a list of scores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tune_es.cohort import Cohort
from tune_es.criteria import Criterion
from tune_es.records import Observation, Verdict


def verdicts(
    criterion: Criterion, scores: Iterable[float], max_t: float | None = None
) -> list[Verdict]:
    """A criterion's verdict on every score, higher is better, at steps 1, 2, 3, ..."""
    state, peers, said = criterion.init(), Cohort().peers(""), []
    for step, score in enumerate(scores, start=1):
        state, verdict = criterion.step(state, Observation("", step, score, max_t=max_t), peers)
        said.append(verdict)
    return said


def fired_at(
    criterion: Criterion, scores: Sequence[float], max_t: float | None = None
) -> int | None:
    """The index of the first score at which a criterion stops, or None.

    >>> from tune_es import Patience
    >>> fired_at(Patience(2), [0.1, 0.2, 0.2, 0.2])
    3
    """
    stops = (at for at, verdict in enumerate(verdicts(criterion, scores, max_t)) if verdict.stop)
    return next(stops, None)
