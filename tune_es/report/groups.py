"""How a trial ended, as a word, a colour and a shape that are the same in every chart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tune_es.monitoring.experiment import Status, TrialRecord

#: How lines and markers of the best trial are drawn.
BEST_COLOUR, STAR_COLOUR = "#111111", "#FFD43B"


@dataclass(frozen=True)
class Group:
    """A way to end.

    Args:
        key: Its name in attributes and filters.
        label: What a reader is told.
        colour: Of Okabe and Ito's palette, which stays apart for the colour-blind.
        marker: Bokeh's name of its shape, so that colour is never all there is.
        symbol: The same for matplotlib.
        glyph: The same as a letter.
        meaning: One line for the legend.
    """

    key: str
    label: str
    colour: str
    marker: str
    symbol: str
    glyph: str
    meaning: str


GROUPS = {
    each.key: each
    for each in (
        Group("FINISHED", "ran in full", "#0072B2", "circle", "o", "●", "to the end of its budget"),
        Group(
            "STALLED", "stalled", "#E69F00", "square", "s", "■", "no gain worth its price was left"
        ),
        Group(
            "OVERFIT",
            "overfit",
            "#CC79A7",
            "diamond",
            "D",
            "◆",
            "worse in validation, not training",
        ),
        Group("HOPELESS", "hopeless", "#56B4E9", "inverted_triangle", "v", "▼", "too far behind"),
        Group("BROKEN", "broken", "#5B4A3F", "x", "x", "✕", "no usable number any more"),
        Group("REACHED", "target reached", "#009E73", "star", "*", "★", "as good as was asked for"),
        Group(
            "EXHAUSTED", "budget used", "#6A5ACD", "hex", "h", "⬢", "steps, seconds or money used"
        ),
        Group(
            "STOPPED", "stopped by another rule", "#8A6D1F", "triangle", "^", "▲", "nobody said why"
        ),
        Group("FAILED", "failed", "#D55E00", "cross", "P", "✚", "it died of an error"),
        Group("RUNNING", "running", "#4D4D4D", "circle_dot", ".", "◉", "still on a worker"),
        Group("PAUSED", "paused", "#8C8C8C", "square_pin", "p", "▮", "waiting to be promoted"),
        Group("PENDING", "waiting", "#B3B3B3", "dot", ",", "○", "not started"),
    )
}


def group_of(trial: TrialRecord) -> Group:
    """How a trial ended, or where it stands."""
    if trial.status is Status.STOPPED:
        cause = trial.why.cause if trial.why is not None else "STOPPED"
        return GROUPS.get(cause, GROUPS["STOPPED"])
    if trial.status is Status.FINISHED and trial.why is not None:
        cause = trial.why.cause if trial.why.cause != "EXHAUSTED" else "FINISHED"
        return GROUPS.get(cause, GROUPS["FINISHED"])
    return GROUPS[trial.status.name]


def was_stopped(trial: TrialRecord) -> bool:
    """True where it ended before its budget did, by a decision."""
    return group_of(trial).key not in ("FINISHED", "FAILED", "RUNNING", "PAUSED", "PENDING")


def counts(trials: Sequence[TrialRecord]) -> dict[Group, int]:
    """Trials of every group that has any, in the order of :data:`GROUPS`."""
    found = Counter(group_of(trial).key for trial in trials)
    return {group: found[key] for key, group in GROUPS.items() if found[key]}


@dataclass(frozen=True)
class Ended:
    """Trials that ended the same way: by the same rule, if any."""

    group: Group
    criterion: str
    trials: tuple[TrialRecord, ...]

    @property
    def steps(self) -> list[float]:
        """The last step of each that has one."""
        return [trial.steps[-1] for trial in self.trials if len(trial.steps)]


def ends(trials: Sequence[TrialRecord]) -> list[Ended]:
    """Trials by group and criterion, the largest of a group first."""
    found: dict[tuple[str, str], list[TrialRecord]] = {}
    for trial in trials:
        key, why = group_of(trial).key, trial.why
        is_told = why is not None and key not in ("FINISHED", "FAILED")
        found.setdefault((key, why.criterion if why is not None and is_told else ""), []).append(
            trial
        )
    order = list(GROUPS)
    keys = sorted(found, key=lambda key: (order.index(key[0]), -len(found[key]), key[1]))
    return [Ended(GROUPS[group], rule, tuple(found[group, rule])) for group, rule in keys]
