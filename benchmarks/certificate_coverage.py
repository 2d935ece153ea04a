"""How often the bound of a certificate is broken, on tasks whose distribution is known.

    python -m benchmarks.certificate_coverage

draws tasks on which each of many candidates loses too much with a known probability, chooses and
certifies as `tune-es tune` does, thousands of times, and prints how often the truth lay above the
bound. What must not be done is beside it: a bound from the tasks that were tuned on, and one from
held-out tasks that chose, without a correction.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from tune_es.meta import Goal, Measured, OnTask, Recipe, Tried, in_order, shortlist
from tune_es.meta.certify import bound, fewest

#: The limit that a regret is counted against, and regrets on both sides of it.
LIMIT, WITHIN, OVER = 0.01, 0.0, 1.0

Booleans = NDArray[np.bool_]


@dataclass(frozen=True)
class World:
    """A distribution of tasks.

    Args:
        over: The probability with which each candidate loses too much on a task; the cheapest
            candidates come first, so it falls.
        alike: Correlation between candidates: a hard task is hard for most of them.
        tuning: Tasks to tune on.
        held_out: Tasks held out.
        confidence: What is asked for.
    """

    over: tuple[float, ...]
    alike: float = 0.5
    tuning: int = 24
    held_out: int = 12
    confidence: float = 0.9

    def tasks(self, count: int, random: np.random.Generator) -> Booleans:
        """Which candidate (column) is over the limit on which of some new tasks (row)."""
        hardness = random.standard_normal((count, 1))
        own = random.standard_normal((count, len(self.over)))
        mixed = np.sqrt(self.alike) * hardness + np.sqrt(1 - self.alike) * own
        broken: Booleans = mixed < norm.ppf(self.over)
        return broken


@dataclass(frozen=True)
class Claim:
    """What was claimed of a candidate, and what is true."""

    bound: float
    truth: float

    @property
    def broken(self) -> bool:
        return self.truth > self.bound


Procedure = Callable[[World, Sequence[Tried], Booleans, Booleans], Claim]
sure = lru_cache(maxsize=None)(bound)


def one(world: World, tried: Sequence[Tried], tuning: Booleans, held_out: Booleans) -> Claim:
    """The cheapest that keeps the limit, certified on held-out tasks."""
    (chosen,) = _chosen(world, tried, 1)
    return _claim(
        world, chosen, sure(int(held_out[:, chosen].sum()), len(held_out), world.confidence)
    )


def some(world: World, tried: Sequence[Tried], tuning: Booleans, held_out: Booleans) -> Claim:
    """The best on held-out tasks of the five cheapest, with a bound for all five."""
    chosen = _chosen(world, tried, 5)
    over = held_out[:, chosen].sum(axis=0).tolist()
    at = fewest(over)
    return _claim(world, chosen[at], sure(over[at], len(held_out), world.confidence, len(chosen)))


def ordered(world: World, tried: Sequence[Tried], tuning: Booleans, held_out: Booleans) -> Claim:
    """The cheapest of ten that passes a test at .3, tested from the dearest on."""
    chosen = _chosen(world, tried, 10)[::-1]
    over = held_out[:, chosen].sum(axis=0).tolist()
    passed = in_order(over, len(held_out), world.confidence, 0.3)
    return _claim(world, chosen[passed[-1]], 0.3) if passed else Claim(1.0, 0.0)


def naive_tuned(
    world: World, tried: Sequence[Tried], tuning: Booleans, held_out: Booleans
) -> Claim:
    """NOT VALID: the bound from the tasks that the candidate was chosen on."""
    (chosen,) = _chosen(world, tried, 1)
    return _claim(world, chosen, sure(int(tuning[:, chosen].sum()), len(tuning), world.confidence))


def naive_some(world: World, tried: Sequence[Tried], tuning: Booleans, held_out: Booleans) -> Claim:
    """NOT VALID: the best on held-out tasks of all candidates, with the bound for one."""
    over = held_out.sum(axis=0).tolist()
    chosen = fewest(over)
    return _claim(world, chosen, sure(over[chosen], len(held_out), world.confidence))


VALID: dict[str, Procedure] = {
    "one candidate, held-out tasks": one,
    "best of five on held-out tasks, union bound": some,
    "ten in a fixed order, each tested": ordered,
}
NAIVE: dict[str, Procedure] = {
    "bound from the tuning tasks": naive_tuned,
    "best of all on held-out tasks, no correction": naive_some,
}

WORLDS: dict[str, World] = {
    "cheaper is riskier": World(tuple(np.linspace(0.4, 0.02, 30).tolist())),
    "all alike": World((0.2,) * 30, alike=0.2),
    "few tasks": World(tuple(np.linspace(0.4, 0.02, 30).tolist()), tuning=10, held_out=6),
}


def claims(procedure: Procedure, world: World, times: int, seed: int = 0) -> Iterator[Claim]:
    """The whole procedure on fresh tasks, so many times."""
    random = np.random.default_rng(seed)
    for _ in range(times):
        tuning = world.tasks(world.tuning, random)
        yield procedure(world, _tried(tuning), tuning, world.tasks(world.held_out, random))


def broken(procedure: Procedure, world: World, times: int, seed: int = 0) -> int:
    """How many of the claims were false."""
    return sum(claim.broken for claim in claims(procedure, world, times, seed))


def _tried(tuning: Booleans) -> list[Tried]:
    """What a search would have measured: the first candidate is the cheapest."""
    count = tuning.shape[1]
    costs = [(at + 1) / (count + 1) for at in range(count)]
    results = [(OnTask(cost, WITHIN, 0.0), OnTask(cost, OVER, 1.0)) for cost in costs]
    return [
        Tried(at, Recipe(), Measured(tuple(results[at][over] for over in tuning[:, at].tolist())))
        for at in range(count)
    ]


def _chosen(world: World, tried: Sequence[Tried], size: int) -> list[int]:
    """The cheapest that keep the limit on the tuning tasks; the dearest where none does."""
    found = shortlist(tried, Goal(LIMIT, world.confidence, margin=1), size)
    return [each.number if each.number >= 0 else len(tried) - 1 for each in found]


def _claim(world: World, chosen: int, claimed: float) -> Claim:
    return Claim(claimed, world.over[chosen])


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulate every procedure in every world, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--times", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    print("| tasks | procedure | mean bound | mean truth | broken | at most |")
    print("|---|---|---|---|---|---|")
    for name, world in WORLDS.items():
        for title, procedure in {**VALID, **NAIVE}.items():
            found = list(claims(procedure, world, given.times, given.seed))
            share = sum(each.broken for each in found) / len(found)
            mean = [
                sum(values) / len(found)
                for values in zip(*((c.bound, c.truth) for c in found), strict=True)
            ]
            most = f"{1 - world.confidence:.3f}" if title in VALID else "not valid"
            print(f"| {name} | {title} | {mean[0]:.3f} | {mean[1]:.3f} | {share:.3f} | {most} |")


if __name__ == "__main__":
    main()
