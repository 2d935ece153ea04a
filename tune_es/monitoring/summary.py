"""What a sweep came to, in a few lines of plain text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping

from tune_es.monitoring.experiment import Experiment, Status, TrialRecord
from tune_es.monitoring.savings import savings_of
from tune_es.monitoring.sentence import WORDS
from tune_es.monitoring.standing import causes, leader, standings

#: How causes are called, by name.
CALLED = {cause.name: word for cause, word in WORDS.items()}
SHOWN_PARAMETERS = 6


def summary(experiment: Experiment, price_per_hour: float | None = None) -> str:
    """Trials and why they ended, what was run and what was saved, and the best of them.

    Money is left out where no price is known, and so is time where results do not say theirs.
    """
    return "\n".join(
        f"{name:<8} {text}" for name, text in summary_lines(experiment, price_per_hour)
    )


def summary_lines(
    experiment: Experiment, price_per_hour: float | None = None
) -> Iterator[tuple[str, str]]:
    """The same, line by line: what it is about and what there is to say."""
    for name, text in _lines(experiment, price_per_hour):
        yield name, printable(text)


def printable(text: str) -> str:
    r"""A text from a user with nothing in it that would move a terminal's cursor, or not encode.

    >>> printable("lr=0.1 \x1b[31mred \ud800")
    'lr=0.1 ?[31mred ?'
    """
    return "".join(each if each.isprintable() else "?" for each in text)


def _lines(experiment: Experiment, price_per_hour: float | None) -> Iterator[tuple[str, str]]:
    yield "trials", _trials(experiment)
    saved = savings_of(experiment, price_per_hour)
    yield "steps", _spent(saved.steps_run, saved.steps_saved, "{:,.0f}".format)
    if math.isfinite(saved.seconds_run):
        yield "time", _spent(saved.seconds_run, saved.seconds_saved, duration, "on workers")
    if math.isfinite(saved.money_run):
        yield "money", _spent(saved.money_run, saved.money_saved, "{:,.2f}".format, "spent")
    best = leader(experiment)
    if best is None:
        yield "best", f"no trial has reported a finite {experiment.metric}"
        return
    yield "best", f"{experiment.metric} {best.value:.4g} at step {best.step:g} of {best.trial.name}"
    if best.trial.config:
        chosen = varied(experiment.trials)
        shown = {name: value for name, value in best.trial.config.items() if name in chosen}
        yield "", parameters(shown or best.trial.config)


def _trials(experiment: Experiment) -> str:
    counts = standings(experiment)
    said = {Status.STOPPED: "stopped early", Status.FINISHED: "ran in full"}
    parts = []
    for status, count in counts.items():
        part = f"{count} {said.get(status, status.value)}"
        if status is Status.STOPPED:
            why = ", ".join(f"{CALLED.get(k, k)} {n}" for k, n in causes(experiment).items())
            part += f" ({why})"
        parts.append(part)
    return f"{sum(counts.values())}: {', '.join(parts)}" if parts else "none yet"


def _spent(run: float, saved: float, said: Callable[[float], str], where: str = "run") -> str:
    if not saved > 0:  # nothing was, or nobody knows
        return f"{said(run)} {where}"
    return f"{said(run)} {where}, {said(saved)} saved ({100 * saved / (run + saved):.0f} %)"


def duration(seconds: float) -> str:
    """Seconds as a person says them, in the two largest units; a dash where nobody knows.

    >>> duration(7.4), duration(485), duration(7260), duration(200_000), duration(math.nan)
    ('7.4 s', '8 min 5 s', '2 h 1 min', '2 d 7 h', '-')
    """
    if not math.isfinite(seconds):
        return "-"
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    parts = []
    for name, size in units:
        count, whole = divmod(whole, size)
        parts.append((count, name))
    first = next(at for at, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {name}" for count, name in parts[first : first + 2])


def parameters(config: Mapping[str, object]) -> str:
    """The first few hyperparameters of a trial, as ``lr=0.001, batch=8``."""
    shown = [f"{name}={_short(value)}" for name, value in list(config.items())[:SHOWN_PARAMETERS]]
    more = len(config) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def varied(trials: Iterable[TrialRecord]) -> set[str]:
    """The hyperparameters in which trials differ: what the sweep searches."""
    seen: dict[str, str] = {}
    found: set[str] = set()
    for trial in trials:
        for name, value in trial.config.items():
            if seen.setdefault(name, repr(value)) != repr(value):
                found.add(name)
    return found


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)[:40]
