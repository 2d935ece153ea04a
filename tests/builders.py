"""Curves and runs in one line, for the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tune_es import Cohort, Criterion, Metric, Observation, Policy, Verdict

Number = float | None

NOBODY = Cohort().peers("")


def curve(
    *scores: Number,
    mode: str = "max",
    first: float = 1,
    spacing: float = 1,
    max_t: float | None = None,
    metrics: Mapping[str, Sequence[Number]] | None = None,
    modes: Mapping[str, str] | None = None,
    trial_id: str = "trial",
) -> list[Observation]:
    """One observation a score, in the user's sign; None is a result without the number.

    >>> [(seen.step, seen.score) for seen in curve(0.5, 0.4, mode="min", first=10, spacing=10)]
    [(10, -0.5), (20, -0.4)]
    """
    signs = {name: Metric(name, (modes or {}).get(name, "max")).sign for name in metrics or {}}
    sign = Metric("score", mode).sign
    observations = []
    for at, score in enumerate(scores):
        row = {name: column[at] for name, column in (metrics or {}).items()}
        values = {name: signs[name] * value for name, value in row.items() if value is not None}
        oriented = None if score is None else sign * score
        step = first + at * spacing
        observations.append(
            Observation(trial_id, step, oriented, values, signs, sign=sign, max_t=max_t)
        )
    return observations


def verdicts_on(criterion: Criterion, observations: Iterable[Observation]) -> list[Verdict]:
    """What a criterion says on every observation of a trial that is alone."""
    return [verdict for _, verdict in walked(criterion, observations)]


def walked(
    criterion: Criterion, observations: Iterable[Observation], state: Any = None
) -> list[tuple[Any, Verdict]]:
    """State and verdict after every observation; from a state, or from the start."""
    state = criterion.init() if state is None else state
    path = []
    for observation in observations:
        state, verdict = criterion.step(state, observation, NOBODY)
        path.append((state, verdict))
    return path


def shown(verdicts: Iterable[Verdict]) -> list[str]:
    """For comparing: a NaN is not equal to itself, its repr is."""
    return [repr(verdict) for verdict in verdicts]


def stop_at(criterion: Criterion, observations: Iterable[Observation]) -> int | None:
    """The index of the observation at which a criterion first stops, or None."""
    said = verdicts_on(criterion, observations)
    return next((at for at, verdict in enumerate(said) if verdict.stop), None)


def late(build: Any, *args: Any, **kwargs: Any) -> Callable[[], Any]:
    """A call for later, of arguments that a type checker would refuse as well."""
    return lambda: build(*args, **kwargs)


def refusal(build: Any, *args: Any, **kwargs: Any) -> str:
    """The message with which something is refused; an AssertionError where it is not."""
    try:
        built = build(*args, **kwargs)
    except ValueError as error:
        return str(error)
    raise AssertionError(f"accepted: {built!r}")


def accepted(build: Any, *args: Any) -> Any:
    """What is built, or None where it is refused in one line."""
    try:
        return build(*args)
    except ValueError as error:
        if len(str(error).splitlines()) != 1:
            raise
        return None


def stops(
    policy: Policy, results: Iterable[float | Mapping[str, object]]
) -> tuple[Any, str] | None:
    """Step and cause of a policy's first stop on a recorded curve, or None."""
    decision = policy.first_stop(results)
    if decision is None or decision.verdict.cause is None:
        return None
    return decision.step, decision.verdict.cause.name
