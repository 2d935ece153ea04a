"""The guard against losses that explode."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from tests.builders import late, refusal, stops
from tune_es import Explosion, Patience, Policy

RULE = Explosion(factor=10, patience=2)


@pytest.mark.parametrize(
    ("losses", "stop"),
    [
        ([1.0, 11.0, 11.0], 3),
        ([1.0, 10.0, 10.0], None),
        ([1.0, 11.0, 1.0, 11.0, 11.0], 5),
        ([1.0, 11.0, math.nan, 11.0], 4),
        ([math.nan, 2.0, 11.0, 11.0], None),
        ([math.nan, 2.0, 21.0, 21.0], 4),
        ([2.0, 0.1, 15.0, 15.0], None),
        ([0.0, 9.0, 9.0, 9.0], None),
        ([1.0, -0.5, 99.0, 99.0], None),
        ([-5.0, -1.0, 99.0, 99.0], None),
    ],
)
def test_a_loss_many_times_its_first_value_is_hopeless(
    losses: list[float], stop: int | None
) -> None:
    policy = Policy("loss", "min", stop=RULE, nonfinite_patience=None, explosion_factor=None)
    assert stops(policy, losses) == (None if stop is None else (stop, "HOPELESS"))


@pytest.mark.parametrize("curve", [[0.9, 0.0, 0.0, 0.0], [1.0, 500.0, 500.0, 500.0]])
def test_an_accuracy_never_explodes(curve: list[float]) -> None:
    assert stops(Policy("accuracy", "max", stop=RULE), curve) is None


@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_start_near_0_is_no_measure_whatever_the_mode(mode: str) -> None:
    falling = [-0.01, *[-4.0] * 9]
    exploding = [-0.01, *[-400.0] * 9]
    for scores, stop in ((falling, None), (exploding, (6, "HOPELESS"))):
        values = scores if mode == "max" else [-score for score in scores]
        assert stops(Policy("value", mode, stop=Patience(20)), values) == stop
    kept = Policy("value", "max", stop=Explosion(least_start=0), explosion_factor=None)
    assert stops(kept, falling) == (6, "HOPELESS")


def test_the_evidence_is_in_the_users_sign() -> None:
    decision = Policy("loss", "min", stop=RULE).first_stop([1.0, 0.5, 50.0, 60.0])
    assert decision is not None
    assert decision.verdict.evidence == {
        "value": 60.0, "best": 0.5, "too_bad": 10.0, "bad": 2, "limit": 2
    }  # fmt: skip


def test_every_policy_has_this_guard_unless_it_is_switched_off() -> None:
    losses = [1.0, *[301.0] * 9]
    assert stops(Policy("loss", "min", stop=Patience(8)), losses) == (6, "HOPELESS")
    off = Policy("loss", "min", stop=Patience(8), explosion_factor=None)
    assert stops(off, losses) == (9, "STALLED")
    wider = Policy("loss", "min", stop=Patience(8), explosion_factor=400)
    assert stops(wider, losses) == (9, "STALLED")


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (late(Explosion, 1), "Explosion.factor must be a number above 1, got 1"),
        (late(Explosion, math.inf), "got inf"),
        (late(Explosion, least_start=-1), "Explosion.least_start must be a number at least 0"),
        (late(Explosion, patience=0), "Explosion.patience must be a whole number of at least 1"),
        (
            late(Policy, "a", "min", Patience(3), explosion_factor=0.5),
            "Policy.explosion_factor must be a number above 1, got 0.5",
        ),
    ],
)
def test_what_is_refused(build: Callable[[], Any], words: str) -> None:
    assert words in refusal(build)
