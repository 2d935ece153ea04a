"""An explanation in sentences: paragraphs with a heading each, or one line."""

from __future__ import annotations

import math
from collections.abc import Iterator

from tune_es.monitoring import Experiment, Status
from tune_es.monitoring.summary import CALLED, duration
from tune_es.report.explain.confidence import Confidence
from tune_es.report.explain.evidence import number
from tune_es.report.explain.explanation import Explanation

#: What became of a trial that nobody stopped.
ENDS = {
    Status.PENDING: "waits for a worker",
    Status.RUNNING: "is running",
    Status.PAUSED: "is paused",
    Status.STOPPED: "was stopped",
    Status.FINISHED: "ran to its end",
    Status.FAILED: "failed",
}


def headline(one: Explanation) -> str:
    """Which trial it is and what became of it."""
    is_early = one.status in (Status.STOPPED, Status.PAUSED) and one.why is not None
    cause = f" as {called(one.why.cause)}" if is_early and one.why is not None else ""
    at = "" if one.step is None else f" at step {number(one.step)}"
    of = f" of {number(one.max_t)}" if at and one.max_t is not None else ""
    return f"Trial {one.number} ({one.trial_id}) {ENDS[one.status]}{cause}{at}{of}"


def short(one: Explanation) -> str:
    """Why, in a few words; for a table."""
    if one.status is Status.FAILED:
        return one.error or "failed"
    if one.why is not None and one.status is not Status.FINISHED:
        return f"{called(one.why.cause)}: {one.why.criterion}"
    if one.status is Status.STOPPED:
        return "stopped, nobody says why"
    if one.status is Status.RUNNING and one.patience_left is not None:
        return f"{number(one.patience_left)} evaluations of patience left"
    if one.status is Status.FINISHED:
        return "ran in full" if _is_full(one) else "ended by itself"
    return ENDS[one.status]


def _is_full(one: Explanation) -> bool:
    return one.step is not None and one.max_t is not None and one.step >= one.max_t


def called(cause: str) -> str:
    """A cause as it is written for people.

    >>> called("EXHAUSTED"), called("something else")
    ('budget used', 'something else')
    """
    return CALLED.get(cause, cause.lower())


def paragraphs(one: Explanation, experiment: Experiment) -> Iterator[tuple[str, str]]:
    """Headings and what is to be said under each."""
    yield "why", _why(one, experiment)
    yield "trend", _trend(one, experiment)
    yield "gap", _gap(one, experiment)
    yield "standing", _standing(one, experiment)
    if one.saved is not None:
        yield "saved", _saved(one)
    if one.confidence is not None:
        yield "right?", confidence(one.confidence)


def _why(one: Explanation, experiment: Experiment) -> str:
    if one.status is Status.FAILED:
        died = f": {one.error}" if one.error else ", and its error was not kept"
        return f"it failed{died}. Nothing decided to stop it."
    if one.why is not None and one.status is not Status.FINISHED:
        said = f"{one.why.criterion}: {one.evidence}."
        best = f" Best {experiment.metric}: {number(one.best)}"
        return f"{said}{best} at step {number(one.best_step)}." if one.best_step else said
    if one.status is Status.STOPPED:
        who = "another scheduler" if experiment.policy is None else "something else than the policy"
        return f"{who} stopped it, and left no reason."
    if one.status is Status.FINISHED:
        in_full = one.step is not None and one.max_t is not None and one.step >= one.max_t
        return "nothing stopped it: " + (
            "it used its budget." if in_full else "it ended by itself."
        )
    return _unfinished(one)


def _unfinished(one: Explanation) -> str:
    if one.step is None:
        return "it has reported nothing yet."
    if one.status is Status.PAUSED:
        return "it is paused with a checkpoint, and may go on."
    if one.patience_left is None:
        return "it has not been stopped; how long it has is not known."
    left = number(one.patience_left)
    return f"it goes on; should nothing improve, it is stopped after {left} more evaluations."


def _trend(one: Explanation, experiment: Experiment) -> str:
    trend = one.trend
    if trend is None:
        return f"fewer than three finite values of {experiment.metric}."
    error = "unknown" if math.isinf(trend.error) else number(trend.error)
    slope = f"{trend.slope + 0.0:+.3g}"
    what = {"flat": "no trend that stands out of the noise"}.get(trend.word, trend.word)
    return (
        f"{what}: {slope} per evaluation (standard error {error}) over the last {trend.window}; "
        f"{experiment.metric} is to be {'minimised' if experiment.mode == 'min' else 'maximised'}."
    )


def _gap(one: Explanation, experiment: Experiment) -> str:
    gap = one.gap
    if gap is None:
        return f"not known: no training counterpart of {experiment.metric} was reported."
    change = ""
    if math.isfinite(gap.widened) and gap.widened != 0:
        verb = "widened" if gap.widened > 0 else "narrowed"
        change = f"; since the best evaluation it has {verb} by {number(abs(gap.widened))}"
    ahead = "training is ahead of validation" if gap.now >= 0 else "validation is ahead of training"
    values = f"{gap.train_metric} {number(gap.train)}, {experiment.metric} {number(gap.value)}"
    return f"{ahead} by {number(abs(gap.now))} ({values}){change}."


def _standing(one: Explanation, experiment: Experiment) -> str:
    standing = one.standing
    if standing is None:
        return f"it has no finite {experiment.metric} to be compared by."
    if standing.trials == 1:
        return f"no other trial came to step {number(standing.step)}."
    among = f"number {standing.rank} of the {standing.trials} trials that came to step"
    leader = "" if standing.rank == 1 else f"; the best there had {number(standing.leader)}"
    return f"{among} {number(standing.step)}, by its best value, {number(one.best)}{leader}."


def _saved(one: Explanation) -> str:
    saved = one.saved
    if saved is None or one.max_t is None:
        return "not known, because the budget is not."
    parts = [f"{number(saved.steps_saved)} of {number(one.max_t)} steps"]
    if not math.isnan(saved.seconds_saved):
        parts.append(f"about {duration(saved.seconds_saved)} of a worker")
    if not math.isnan(saved.money_saved):
        parts.append(f"about {saved.money_saved:,.2f} of the money that its price is in")
    return ", ".join(parts) + "."


def confidence(one: Confidence) -> str:
    """How often such stops are right, with the source of that number."""
    if not one.is_known:
        return f"not known: {one.note}."
    among = f"{percent(one.low)} to {percent(one.high)} on four tasks in five"
    where = f"on {one.tasks} task{'s' * (one.tasks != 1)}"
    note = f" {one.note[0].upper()}{one.note[1:]}." if one.note else ""
    return (
        f"{percent(one.share)} of such stops are right ({among}): of {one.stops} {one.kind}, "
        f"{one.right} were, {where}, counted on {one.source}. Right means: {one.meaning}.{note}"
    )


def percent(share: float) -> str:
    """A share in percent; one that is not all of it never reads 100 %.

    >>> percent(0.937), percent(0.9987), percent(1.0)
    ('94 %', 'over 99 %', '100 %')
    """
    return "over 99 %" if 0.995 <= share < 1 else f"{100 * share:.0f} %"
