"""A rule on a smoothed curve: the curve is smoothed, and the rule's kernel judges it."""

from __future__ import annotations

import numpy as np

from tune_es.criteria import Composite, Criterion, Smoothed
from tune_es.replay.curves import Floats, Ints
from tune_es.replay.fast import sums
from tune_es.replay.fast.block import Block, Say
from tune_es.replay.fast.compiled import calling
from tune_es.replay.fast.sums import EXACT, added
from tune_es.signals import Exponential, MovingMean, MovingMedian

compiled = calling(sums)

#: By the class itself: a subclass may step in its own way.
SIGNALS = {Exponential, MovingMean, MovingMedian}


def smoothed(rule: Smoothed, block: Block) -> Say:
    """:class:`tune_es.Smoothed` with any rule that has a kernel, and any of our signals."""
    inner, by, values = rule.rule, rule.by, block.values(rule.metric)
    if not can_be_scored(rule, block):
        return block.fallback(rule, block)
    if values is None:
        return block.say(inner)
    smooth = values.copy()
    if isinstance(by, Exponential):
        _follow(block.starts, block.stops, float(by.alpha), smooth)
    elif isinstance(by, MovingMean):
        _average(block.starts, block.stops, by.window, EXACT, smooth)
    elif isinstance(by, MovingMedian):
        _middle(block.starts, block.stops, by.window, smooth)
    known = None if rule.metric is None else block.policy.metrics[rule.metric].sign
    return block.scored(smooth, rule.metric, known).say(inner)


def can_be_scored(rule: Criterion, block: Block) -> bool:
    """True where a rule is compiled with all in it, so that it may be given other scores."""
    return all(
        type(each) in block.kernels
        and not (isinstance(each, Smoothed) and type(each.by) not in SIGNALS)
        and not (isinstance(each, Composite) and each.weights_from)
        for each in rule.walk()
    )


@compiled
def _follow(starts: Ints, stops: Ints, alpha: float, values: Floats) -> None:
    for trial in range(len(starts)):
        known, smooth = False, 0.0
        for row in range(starts[trial], stops[trial]):
            value = values[row]
            if value - value == 0.0:
                smooth = smooth + alpha * (value - smooth) if known else value
                known = True
            if known:
                values[row] = smooth


@compiled
def _average(starts: Ints, stops: Ints, window: int, exact: bool, values: Floats) -> None:
    seen = np.empty(len(values))
    for trial in range(len(starts)):
        count = 0
        for row in range(starts[trial], stops[trial]):
            if values[row] - values[row] == 0.0:
                seen[count] = values[row]
                count += 1
            if count:
                last = seen[max(0, count - window) : count]
                values[row] = added(last, exact) / len(last)


@compiled
def _middle(starts: Ints, stops: Ints, window: int, values: Floats) -> None:
    seen = np.empty(len(values))
    for trial in range(len(starts)):
        count = 0
        for row in range(starts[trial], stops[trial]):
            if values[row] - values[row] == 0.0:
                seen[count] = values[row]
                count += 1
            if count:
                last = np.sort(seen[max(0, count - window) : count])
                half = len(last) // 2
                both = len(last) % 2 == 0
                values[row] = (last[half - 1] + last[half]) / 2 if both else last[half]
