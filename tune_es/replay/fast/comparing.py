"""A sweep under a rule that compares trials: who is judged when, and among whom.

The results of all trials are gone through in the order in which the engine gives them to a
scheduler. What a rule makes of its own curve was worked out before (:class:`Program`); here the
parts that look at peers are added, and all are joined.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tune_es.records import Cause
from tune_es.replay.curves import Floats, Ints
from tune_es.replay.fast import workers
from tune_es.replay.fast.block import RANK, Flags, Ranks
from tune_es.replay.fast.compiled import calling, part
from tune_es.replay.fast.workers import earliest, go_on, leave, start, workers_of

compiled = calling(workers)

#: What a node of a program is.
CURVE, HALVING, BELOW, JOIN, AFTER, EVERY = range(6)
#: How many numbers a node has.
NUMBERS = 2


class Program(NamedTuple):
    """A rule as nodes, parts before wholes; the last one is the rule.

    Args:
        kinds: What each node is.
        parts: By node the nodes it is made of, -1 where there are fewer; of a CURVE its place in
            ``says``.
        numbers: By node. BELOW: the share of the others, and how many of them are needed. JOIN: how
            many parts have to fire. EVERY: its ``n``.
        speaks: By node and step where HALVING, BELOW and AFTER may stop a trial.
        kept: By node and number of trials how many HALVING keeps.
        says: What each CURVE says on every row.
        heard: Where it hears something.
        slots: By step where peers are kept, -1 where nobody looks at them.
        quiet: Before this step no judgement stops a trial, ...
        judgement: ... which is a rank up to this one.
    """

    kinds: Ints
    parts: Ints
    numbers: Floats
    speaks: Flags
    kept: Ints
    says: Ranks
    heard: Flags
    slots: Ints
    quiet: float
    judgement: int
    hopeless: int = RANK[Cause.HOPELESS]


class Column(NamedTuple):
    """What the trials of a sweep reported; trial ``i`` has rows from ``starts[i]`` on."""

    values: Floats
    bests: Floats
    starts: Ints
    lengths: Ints
    durations: Floats


class Memory(NamedTuple):
    """The scores by slot, the worst first, and how many; what trials last heard from each node."""

    rows: Floats
    sizes: Ints
    held: Ranks
    seen: Ints
    said: Ranks
    hears: Flags


@compiled
def sweep(
    column: Column, program: Program, count: int, startup_s: float, reached: Ints, seconds: Floats
) -> tuple[Flags, float]:
    """Who was stopped, and when all was over, on ``count`` workers.

    How far each trial came and the seconds it took are filled in.
    """
    trials, nodes = len(column.starts), len(program.kinds)
    slots = program.slots.max() + 1
    memory = Memory(
        np.empty((slots, trials)),
        np.zeros(slots, np.int64),
        np.zeros((trials, nodes), np.int8),
        np.zeros((trials, nodes), np.int64),
        np.zeros(nodes, np.int8),
        np.zeros(nodes, np.bool_),
    )
    stopped, crew, coming, time = np.zeros(trials, np.bool_), workers_of(min(count, trials)), 0, 0.0
    for trial in range(len(crew.holder)):
        lasts, coming = column.durations[column.starts[trial]], coming + 1
        seconds[trial] = startup_s + lasts
        start(crew, trial, startup_s, lasts)
    while crew.counts[1]:
        worker = earliest(crew)
        time, trial = crew.ends[worker], crew.holder[worker]
        reached[trial] += 1
        rank = _judge(column, program, memory, trial, reached[trial])
        if rank == 0 and reached[trial] < column.lengths[trial]:
            lasts = column.durations[column.starts[trial] + reached[trial]]
            seconds[trial] += lasts
            go_on(crew, worker, time, lasts)
            continue
        stopped[trial] = rank > 0
        leave(crew, worker)
        if coming < trials:
            lasts = column.durations[column.starts[coming]]
            seconds[coming] = startup_s + lasts
            start(crew, coming, time + startup_s, lasts)
            coming += 1
    return stopped, time


@part
def _judge(column: Column, program: Program, memory: Memory, trial: int, step: int) -> int:
    """Note a result among the peers, and what the rule says on it: 0 where the trial goes on."""
    row, slot = column.starts[trial] + step - 1, program.slots[step]
    best, value = column.bests[row], column.values[row]
    is_finite = value - value == 0.0
    if slot >= 0 and is_finite:
        _insert(memory.rows[slot], memory.sizes[slot], best)
        memory.sizes[slot] += 1
    for node in range(len(program.kinds)):
        kind, rank, hears = program.kinds[node], 0, True
        first = program.parts[node, 0]
        if kind == CURVE:
            rank, hears = program.says[first, row], program.heard[first, row]
        elif kind == JOIN:
            rank, hears = _join(program, memory, trial, node)
        elif kind == AFTER:
            hears = memory.hears[first]
            rank = memory.said[first] if program.speaks[node, step] else 0
        elif kind == EVERY:
            hears = memory.hears[first]
            memory.seen[trial, node] += hears
            in_turn = memory.seen[trial, node] % int(program.numbers[node, 0]) == 0
            rank = memory.said[first] if in_turn else 0
        elif program.speaks[node, step] and best > -np.inf:
            others = memory.sizes[slot] - is_finite
            peers = memory.rows[slot, : memory.sizes[slot]]
            if kind == HALVING:
                better = len(peers) - np.searchsorted(peers, best, side="right")
                falls = better >= program.kept[node, others]
            else:
                share, needed = program.numbers[node, 0], program.numbers[node, 1]
                falls = others >= needed and best < _percentile(peers, best, is_finite, share)
            rank = program.hopeless if falls else 0
        memory.said[node], memory.hears[node] = rank, hears
        if hears:
            memory.held[trial, node] = rank
    rank = memory.said[len(program.kinds) - 1]
    return 0 if rank <= program.judgement and step < program.quiet else rank


@part
def _join(program: Program, memory: Memory, trial: int, node: int) -> tuple[int, bool]:
    """Of those parts that fire the highest rank; a part that hears nothing holds its last say."""
    fired, rank, hears = 0, 0, False
    for at in range(program.parts.shape[1]):
        part = program.parts[node, at]
        if part >= 0:
            fired += memory.held[trial, part] > 0
            rank = max(rank, memory.held[trial, part])
            hears = hears or memory.hears[part]
    return (rank if hears and fired >= program.numbers[node, 0] else 0), hears


@part
def _insert(ranked: Floats, size: int, value: float) -> None:
    at = size
    while at > 0 and ranked[at - 1] > value:
        ranked[at] = ranked[at - 1]
        at -= 1
    ranked[at] = value


@part
def _percentile(ranked: Floats, own: float, is_in: bool, share: float) -> float:
    """That of the others, as :meth:`tune_es.cohort.Peers.percentile` has it."""
    count = len(ranked) - is_in
    skip = np.searchsorted(ranked, own) if is_in else len(ranked)
    at = share * (count - 1)
    below, above = int(np.floor(at)), int(np.ceil(at))
    low: float = ranked[below + (below >= skip)]
    high: float = ranked[above + (above >= skip)]
    gap, rest = high - low, at - below
    if np.isinf(gap):
        return low * (1.0 - rest) + high * rest
    return low + gap * rest if rest < 0.5 else high - gap * (1.0 - rest)
