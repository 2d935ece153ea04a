"""Adaptive quotas against the methods page, by hand: rungs, pilot, quota, order, displacement."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.builders import late, refusal
from tests.promotion.oracle import spearman
from tune_es import AdaptiveQuota
from tune_es.promotion import Rung, Standing, Track


@pytest.mark.parametrize(
    ("budget", "rungs"),
    [
        (1, ()),
        (2, ()),
        (2.5, (2,)),
        (3, (2,)),
        (4, (2, 3)),
        (5, (2, 3, 4)),
        (8, (2, 3, 4, 7)),
        (51, (2, 3, 4, 7, 10, 15, 23, 34)),
        (52, (2, 3, 4, 7, 10, 15, 23, 34, 51)),
    ],
)
def test_rungs(budget: float, rungs: tuple[int, ...]) -> None:
    assert AdaptiveQuota().rungs(budget) == rungs


@pytest.mark.parametrize(
    ("trials", "pilots"), [(1, 0), (16, 0), (17, 16), (64, 16), (65, 17), (100, 25), (1000, 250)]
)
def test_a_quarter_of_the_trials_are_pilots_and_16_at_least(trials: int, pilots: int) -> None:
    assert AdaptiveQuota().pilots(trials) == pilots
    assert AdaptiveQuota(pilot=False).pilots(trials) == 0


@pytest.mark.parametrize(
    ("regret", "c"), [(0.02, 0.52), (0.01, 0.80), (0.005, 1.22), (0.0025, 1.87)]
)
def test_the_factor_is_that_of_the_page(regret: float, c: float) -> None:
    assert AdaptiveQuota(max_regret=regret).factor == pytest.approx(c, rel=0.01)
    assert AdaptiveQuota(c=c).factor == c


def test_pilots_agree_where_spearman_says_so() -> None:
    """Ties share the mean of their ranks; the noise is such that either answer is common."""
    random = np.random.default_rng(0)
    answers = []
    for _ in range(300):
        first = np.round(random.normal(size=int(random.integers(2, 40))), 1)
        second = np.round(first + random.normal(scale=0.4, size=len(first)), 1)
        rho = spearman(first.tolist(), second.tolist())
        if abs(rho - 0.9) < 1e-9:
            continue
        said = AdaptiveQuota().agrees(list(zip(first.tolist(), second.tolist(), strict=True)))
        assert said == (rho >= 0.9)
        answers.append(said)
    assert 50 < sum(answers) < len(answers) - 50


@pytest.mark.parametrize("pairs", [[], [(0.1, 0.2)], [(0.5, 0.1), (0.5, 0.2)], [(1.0, 1.0)] * 20])
def test_without_an_order_there_is_no_agreement(pairs: list[tuple[float, float]]) -> None:
    assert not AdaptiveQuota().agrees(pairs)


def test_a_perfect_agreement_and_its_opposite() -> None:
    assert AdaptiveQuota().agrees([(at, 2 * at) for at in range(16)])
    assert not AdaptiveQuota().agrees([(at, -at) for at in range(16)])


def standing(name: str, best: float, gain: float = 0, noise: float = 0, step: int = 4) -> Standing:
    return Standing(name, step, best, gain, noise, best - gain)


#: Eight wait at 4 of 16 steps. Nothing moved; "a", "b", "e" and "h" can catch "a".
HERE = [
    standing(name, 8 - at, noise=9 if name in "beh" else 0) for at, name in enumerate("abcdefgh")
]
#: Two of these three could still catch the leader, judged at their own steps.
LET_GO = [
    standing("x", 7.5, gain=0.25, step=4),
    standing("y", 7.25, gain=0.25, step=2),
    standing("z", 7.25, gain=0.25, step=4),
]
RUNG = Rung(4, 16, 16, HERE, HERE[0], LET_GO)


def promoted(rule: AdaptiveQuota, rung: Rung = RUNG) -> str:
    names, _ = rule.judge(rung, rule.init())
    return "".join(names)


def test_the_quota_by_hand() -> None:
    """nc 4, f (4 + 2) / 16, d 7 / 13: n = c * 2 * (2 * exp(.5 * (7/13 - .7) * 2^.5))^(.625^.3)."""
    inner = 2 * math.exp(0.5 * (7 / 13 - 0.7) * math.sqrt(2))
    per_c = 2 * inner ** (0.625**0.3)
    assert per_c == pytest.approx(3.3066, abs=1e-3)
    # The first three, and of the ranks up to the sixth those that can catch.
    assert promoted(AdaptiveQuota(c=2.999 / per_c)) == "abce"
    # A thousandth more, and the fourth goes on, who cannot catch.
    assert promoted(AdaptiveQuota(c=3.001 / per_c)) == "abcde"


def test_another_growth_has_more_rungs() -> None:
    assert AdaptiveQuota(growth=1.35).rungs(20) == (2, 3, 4, 5, 7, 9, 12, 16)


def test_less_flattening_lets_more_go_on_where_many_can_catch_up() -> None:
    """f is 6 / 16: the exponent is .625 ** flattening, 1 without any."""
    inner = 2 * math.exp(0.5 * (7 / 13 - 0.7) * math.sqrt(2))
    just = 4.001 / (2 * inner)
    assert promoted(AdaptiveQuota(c=just, flattening=0)) == "abcdeh"
    assert promoted(AdaptiveQuota(c=just, flattening=1)) == "abcde"  # 3.22


def test_noise_tells_how_far_the_leader_is_in_reach() -> None:
    here = [standing("a", 8), standing("b", 5, noise=1)]
    rung = Rung(4, 16, 16, here, here[0])
    assert [rung.can_catch(here[1], noise) for noise in (2.0, 2.99, 3.0)] == [False, False, True]
    assert promoted(AdaptiveQuota(c=0.1), rung) == "a"
    assert promoted(AdaptiveQuota(c=0.5, noise=3), rung) == "ab"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"growth": 1.0}, ["AdaptiveQuota.growth", "at least 1.1", "1.0"]),
        ({"noise": -1}, ["AdaptiveQuota.noise", "at least 0"]),
        ({"flattening": math.nan}, ["AdaptiveQuota.flattening", "nan"]),
    ],
)
def test_constants_outside_their_range(change: dict[str, Any], words: list[str]) -> None:
    said = refusal(lambda: replace(AdaptiveQuota(), **change))
    assert all(word in said for word in words), said


def test_those_let_go_that_could_catch_up_make_the_quota_smaller() -> None:
    """The exponent is (1 - f)^.3: a sweep in which everyone can catch has c * sqrt(nc) places."""
    all_catch = replace(
        RUNG, trials=8, here=[standing(each.trial_id, each.best, noise=9) for each in HERE]
    )
    assert promoted(AdaptiveQuota(c=0.99 / math.sqrt(8)), all_catch) == "a"
    assert promoted(AdaptiveQuota(c=1.01 / math.sqrt(8)), all_catch) == "ab"
    # Three of n = 1.51: two by the quota, and rank 3 <= 2n can catch.
    assert promoted(AdaptiveQuota(c=1.51 / math.sqrt(8)), all_catch) == "abc"
    alone = replace(RUNG, let_go=[])
    inner = 2 * math.exp(0.5 * (7 / 13 - 0.7) * math.sqrt(2))
    per_c = 2 * inner ** (0.75**0.3)
    assert promoted(AdaptiveQuota(c=2.999 / per_c), alone) == "abce"
    assert promoted(AdaptiveQuota(c=3.001 / per_c), alone) == "abcde"
    assert promoted(AdaptiveQuota(c=2.999 / per_c)) == "abce"


def test_the_order_is_by_best_and_half_of_the_gain() -> None:
    here = [standing("a", 5), standing("b", 4.5, gain=1.5), standing("c", 4.9)]
    rung = replace(RUNG, here=here, leader=here[0], let_go=[])
    # One place, "b" takes it; the leader goes on all the same.
    assert promoted(AdaptiveQuota(c=1e-6), rung) == "ba"


def test_the_leader_always_goes_on() -> None:
    assert promoted(AdaptiveQuota(c=1e-9)) == "a"


def test_where_the_leader_is_over_and_out_of_reach_nobody_goes_on() -> None:
    rung = replace(RUNG, here=[HERE[2], HERE[3]], leader=standing("over", 99, step=16), let_go=[])
    assert promoted(AdaptiveQuota(c=5), rung) == ""


def test_displacement_is_pooled_over_the_best_with_a_prior() -> None:
    """The best three had been last three: ranks 8, 7, 6 became 1, 2, 3."""
    here = [standing(str(at), 10 - at, gain=10 - at - (at + 1) / 8) for at in range(8)]
    rung = replace(RUNG, here=here, leader=here[0], let_go=[])
    rule = AdaptiveQuota()
    _, memory = rule.judge(rung, rule.init())
    moved = math.log(8) + math.log(7 / 2) + math.log(2)
    assert memory.mean == pytest.approx((7 + moved) / 13)
    _, later = rule.judge(rung, memory)
    assert later.mean == pytest.approx((7 + 2 * moved) / 16)
    _, many = rule.judge(replace(rung, trials=100), rule.init())
    # Those that fell back count as 0.
    assert many.mean == pytest.approx((7 + moved + math.log(5 / 4)) / 15)


def test_displacement_of_fewer_trials_than_three() -> None:
    rung = replace(RUNG, here=HERE[:2], leader=HERE[0], let_go=[])
    rule = AdaptiveQuota()
    assert rule.judge(rung, rule.init())[1].mean == pytest.approx(7 / 12)


def test_equals_at_half_are_not_ranked_by_rounding() -> None:
    """All had .3 at half: the first in line ranked first then, so the last of them moved."""
    here = []
    for name, best in {"first": 0.8, "second": 0.9, "third": 0.7}.items():
        track = Track(name)
        for step, score in enumerate([0.3, 0.3, 0.3, best], start=1):
            track.record(step, score)
        here.append(track.standing())
    rung = replace(RUNG, here=here, leader=here[1], let_go=[])
    rule = AdaptiveQuota()
    _, memory = rule.judge(rung, rule.init())
    assert memory.mean == pytest.approx((7 + math.log(2)) / 13)


REFUSED = {
    "no regret": late(AdaptiveQuota, max_regret=0),
    "negative regret": late(AdaptiveQuota, max_regret=-0.1),
    "a regret of more than all": late(AdaptiveQuota, max_regret=1.5),
    "NaN": late(AdaptiveQuota, max_regret=math.nan),
    "a word": late(AdaptiveQuota, max_regret="small"),
    "no c": late(AdaptiveQuota, c=0),
    "a pilot that is no flag": late(AdaptiveQuota, pilot=3),
}


@pytest.mark.parametrize("build", REFUSED.values(), ids=REFUSED)
def test_refusals(build: object) -> None:
    assert callable(build)
    message = refusal(build)
    assert message.startswith("AdaptiveQuota.")
    assert "got" in message
    assert "\n" not in message
