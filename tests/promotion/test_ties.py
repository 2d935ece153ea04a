"""Ties of the primary metric, broken by companion metrics: by hand, as laws, and on real curves."""

from __future__ import annotations

import math
import pickle
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import refusal
from tune_es import AdaptiveQuota, AsyncHalving, Policy, Referee, RungTable, TieBreak
from tune_es.promotion import PromotionRule, Standing
from tune_es.replay import Cluster, PolicyScheduler, load_tasks, replay, stream

shares = st.floats(0, 1, allow_subnormal=False)
finite = st.floats(-1e9, 1e9) | st.just(-math.inf)
joins = st.sampled_from(["lexicographic", "combined"])


def standing(name: object, value: float, *others: float, step: float = 1) -> Standing:
    inner = tuple(Standing(str(name), step, other, 0.0, 0.0, other) for other in others)
    return Standing(str(name), step, value, 0.0, 0.0, value, inner)


def names(ties: TieBreak, *rows: tuple[Any, ...]) -> str:
    return "".join(each.trial_id for each in ties.ranked([standing(*row) for row in rows]))


@pytest.mark.parametrize(
    ("best", "n_val", "errors", "width"),
    [
        (0.5, 100, 1, 0.05),
        (-0.5, 100, 2, 0.1),  # an error rate, oriented
        (80, 400, 1, 2.0),  # percent
        (0.8, None, 1, 0.0),
        (1.0, 100, 1, math.sqrt(0.0099 / 100)),  # all right, of 100
        (0.0, 100, 1, math.sqrt(0.0099 / 100)),
        (-math.inf, 100, 1, 0.0),
    ],
)
def test_how_wide_a_tie_is(best: float, n_val: int | None, errors: float, width: float) -> None:
    assert TieBreak("loss", n_val, errors).width(best) == pytest.approx(width)


ROWS = [("a", 0.70, -0.6), ("b", 0.71, -0.7), ("c", 0.69, -0.2), ("d", 0.5, -0.1)]


def test_the_companion_orders_those_within_the_noise_of_the_best() -> None:
    # One standard error at .71 of 400 is .0227: a, b and c are tied, d is behind whatever its loss.
    assert names(TieBreak("loss", 400), *ROWS) == "cabd"
    assert names(TieBreak("loss", 40_000), *ROWS) == "bacd"
    assert names(TieBreak("loss"), *ROWS) == "bacd"
    assert names(TieBreak("loss"), ("a", 0.7, -2), ("b", 0.7, -1)) == "ba"


def test_small_steps_do_not_tie_the_first_with_the_last() -> None:
    rows = [(name, 0.7 - 0.02 * at, float(at)) for at, name in enumerate("abcd")]
    assert names(TieBreak("loss", 400), *rows) == "badc"


def test_the_second_companion_orders_what_the_first_leaves() -> None:
    rows = [("a", 0.7, 1.0, 1.0), ("b", 0.7, 1.0, 2.0), ("c", 0.7, 3.0, 0.0)]
    assert names(TieBreak(("loss", "f1")), *rows) == "cba"


def test_a_combined_rank_lets_a_much_better_loss_outweigh_a_little_accuracy() -> None:
    rows = [("a", 0.80, 1.0), ("b", 0.70, 9.0), ("c", 0.60, 8.0), ("d", 0.50, 7.0)]
    assert names(TieBreak("loss", 100), *rows) == "abcd"
    assert names(TieBreak("loss", 100, join="combined"), *rows) == "bacd"


@given(st.lists(st.tuples(shares, finite), min_size=1, max_size=12), st.integers(1, 10_000))
def test_the_primary_metric_decides_as_soon_as_it_separates(
    rows: list[tuple[float, float]], n_val: int
) -> None:
    ties = TieBreak("loss", n_val)
    ranked = ties.ranked([standing(at, *row) for at, row in enumerate(rows)])
    widest = max(ties.width(each.best) for each in ranked)
    for ahead, behind in combinations(ranked, 2):
        assert behind.best - ahead.best <= widest
        if ahead.best == behind.best:
            assert ahead.others[0].best >= behind.others[0].best


@given(st.lists(st.tuples(finite, finite), max_size=9), joins, st.randoms())
def test_the_order_of_arrival_does_not_matter(
    rows: list[tuple[float, float]], join: str, random: Any
) -> None:
    ties = TieBreak("loss", 50, join=join)
    trials = [standing(at, *row) for at, row in enumerate(rows)]
    values = [(each.best, each.others[0].best) for each in ties.ranked(trials)]
    random.shuffle(trials)
    assert [(each.best, each.others[0].best) for each in ties.ranked(trials)] == values


def test_who_is_tied_with_the_leader_has_to_catch_up_in_the_companion() -> None:
    ties, leader = TieBreak("loss", 400), standing("lead", 0.7, -0.2)
    assert ties.can_catch(standing("a", 0.7, -0.2), leader, 30)
    assert not ties.can_catch(standing("b", 0.7, -0.3), leader, 30)
    assert not ties.can_catch(standing("c", 0.6, -0.1), leader, 30)
    assert ties.can_catch(standing("d", -math.inf, -math.inf), standing("e", *[-math.inf] * 2), 30)


def sweep(rule: PromotionRule, ties: TieBreak | None, trials: int = 3) -> Referee:
    others = {"loss": "min"} if ties else {}
    policy = Policy(
        "acc", "max", stop="none", other_metrics=others, max_t=9, promotion=rule, ties=ties
    )
    return Referee(policy, trials)


def told(referee: Referee, rows: dict[str, Sequence[float]], step: int = 1) -> set[str]:
    """Report a step of every trial, and give those that were let go then."""
    for name, (acc, loss) in rows.items():
        referee.report(name, {"training_iteration": step, "acc": acc, "loss": loss})
    while (chosen := referee.choose([], [*rows])) is not None:
        del rows[chosen]
    return set(referee.let_go)


TIED: dict[str, Sequence[float]] = {"a": (0.70, 0.6), "b": (0.71, 0.7), "c": (0.69, 0.9)}


@pytest.mark.parametrize(
    ("ties", "kept"), [(None, "b"), (TieBreak("loss"), "b"), (TieBreak("loss", n_val=400), "a")]
)
def test_a_referee_promotes_by_it(ties: TieBreak | None, kept: str) -> None:
    referee = sweep(RungTable({1: 1}), ties)
    assert told(referee, dict(TIED)) == set("abc") - {kept}


def test_asynchronous_halving_promotes_by_it() -> None:
    referee = sweep(AsyncHalving(1, 3), TieBreak("loss", n_val=400))
    for name, (acc, loss) in TIED.items():
        referee.report(name, {"training_iteration": 1, "acc": acc, "loss": loss})
    assert referee.choose([], ["a", "b", "c"]) == "a"


@pytest.mark.parametrize("after", range(8))
def test_restored_is_never_interrupted(after: int) -> None:
    random = np.random.default_rng(3)
    rows = [
        (str(trial), {"training_iteration": step, "acc": float(acc), "loss": float(loss)})
        for step in (1, 2)
        for trial, (acc, loss) in enumerate(random.random((4, 2)))
    ]
    one = sweep(AdaptiveQuota(c=1), TieBreak("loss", n_val=9), 4)
    other = sweep(AdaptiveQuota(c=1), TieBreak("loss", n_val=9), 4)
    for at, (name, result) in enumerate(rows):
        decision = one.report(name, result)
        assert other.report(name, result) == decision
        if at == after:
            saved = pickle.loads(pickle.dumps(other.snapshot()))
            other = sweep(AdaptiveQuota(c=1), TieBreak("loss", n_val=9), 4)
            other.restore(saved)


def test_a_policy_file_holds_it() -> None:
    text = """
        metric: acc
        mode: max
        other_metrics: {loss: min, f1: max}
        max_t: 20
        promotion: AdaptiveQuota
        ties: {by: [loss, f1], n_val: 400}
    """
    policy = Policy.from_yaml(text)
    assert policy.tie_break == TieBreak(("loss", "f1"), 400)
    assert Policy.from_yaml(policy.to_yaml()) == policy


BASE: dict[str, Any] = {
    "metric": "acc", "mode": "max", "other_metrics": {"loss": "min"}, "max_t": 9,
    "promotion": "AdaptiveQuota",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ties": {"by": "los"}}, ["Policy.ties", "'los'", "did you mean 'loss'"]),
        ({"ties": {"by": "loss"}, "promotion": None}, ["Policy.ties", "Policy.promotion"]),
        ({"ties": {"by": []}}, ["TieBreak.by"]),
        ({"ties": {"by": ["loss", "loss"]}}, ["TieBreak.by", "each once"]),
        ({"ties": {"by": "loss", "n_val": 0}}, ["TieBreak.n_val", "at least 1", "0"]),
        ({"ties": {"by": "loss", "standard_errors": 0}}, ["TieBreak.standard_errors", "above 0"]),
        ({"ties": {"by": "loss", "join": "sum"}}, ["TieBreak.join", "combined"]),
        ({"ties": {"n_val": 4}}, ["ties", "'by'"]),
        ({"ties": {"by": "loss", "n_vals": 4}}, ["did you mean 'n_val'"]),
        ({"ties": "AdaptiveQuota"}, ["ties", "TieBreak"]),
    ],
)
def test_what_is_refused(change: dict[str, Any], words: list[str]) -> None:
    said = refusal(lambda: Policy(**{**BASE, **change}))
    assert all(word in said for word in words), said


def test_on_real_fine_tuning_it_finds_better_trials_for_the_same_steps(shared: Path) -> None:
    """63 fine-tuning runs of a language model, validated on 50 examples."""
    (curves,) = load_tasks(shared / "curves" / "peft_metamathqa")

    def outcome(ties: TieBreak | None) -> tuple[float, float]:
        policy = Policy(
            "val_accuracy", "max", stop="none", other_metrics={"train_loss": "min"}, max_t=20,
            promotion=AdaptiveQuota(c=0.6), ties=ties,
        )  # fmt: skip
        drawn = [stream(curves, 50, seed) for seed in range(8)]
        runs = [
            replay(PolicyScheduler(policy, trials=50), each.curves, Cluster(8)) for each in drawn
        ]
        scores = [each.score(run, "ties") for each, run in zip(drawn, runs, strict=True)]
        return float(np.mean([s.cost for s in scores])), float(np.mean([s.regret for s in scores]))

    cost, regret = outcome(None)
    tied_cost, tied_regret = outcome(TieBreak("train_loss", n_val=50))
    assert tied_cost < cost
    assert tied_regret < regret / 2
