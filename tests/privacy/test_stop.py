"""A private stop inside a trial: what it answers, remembers and never shows."""

from __future__ import annotations

import json
import logging
import math
import pickle
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.builders import refusal
from tune_es import Policy, Private, Target
from tune_es.privacy import PrivateStop, clipped_mean

#: So many examples that the noise is nothing beside the differences here.
SURE = 10**9
REACHED = Private(epsilon=1, n_val=SURE, target=0.9)
STALLED = Private(epsilon=1, n_val=SURE, min_gain=0.01, patience=2)


def answers(stop: PrivateStop, values: list[float]) -> list[bool]:
    return [stop.ask(value) for value in values]


def test_it_says_yes_when_the_target_is_reached_and_nothing_after_that() -> None:
    stop = PrivateStop(REACHED, "max")
    assert answers(stop, [0.5, 0.89, 0.91, 0.1]) == [False, False, True, True]
    assert (stop.stopped, stop.checks, stop.epsilon) == (True, 3, 1)


def test_it_says_yes_without_a_gain_and_asks_only_once_there_are_enough() -> None:
    stop = PrivateStop(STALLED, "max")
    values = [0.5, 0.6, 0.7, 0.705, 0.72, 0.721, 0.722]
    assert answers(stop, values) == [False] * 6 + [True]
    assert stop.checks == 5


def test_lower_may_be_better() -> None:
    rule = Private(epsilon=1, n_val=SURE, target=0.2, kind="clipped", bounds=(0, 5), metric="loss")
    assert answers(PrivateStop(rule, "min"), [4.0, 0.3, 0.1]) == [False, False, True]


def test_two_of_them_have_noise_of_their_own() -> None:
    rule = Private(epsilon=0.1, n_val=10, target=0.5, checks=10**6)
    found = set()
    for _ in range(20):
        stop = PrivateStop(rule, "max")
        while not stop.ask(0.5):
            pass
        found.add(stop.checks)
    assert len(found) > 2


def test_what_is_no_number_is_the_worst_value() -> None:
    stop = PrivateStop(REACHED, "max")
    assert not any(map(stop.ask, [math.nan, None, "0.99", -math.inf]))
    assert stop.checks == 4
    assert stop.ask(np.float32(0.95))


def test_it_asks_no_more_than_it_may() -> None:
    rule = Private(epsilon=1, n_val=SURE, target=0.9, checks=2)
    stop = PrivateStop(rule, "max")
    assert answers(stop, [0.1, 0.2, 0.99]) == [False, False, False]
    assert stop.checks == 2


def test_a_step_is_asked_about_once() -> None:
    stop = PrivateStop(REACHED, "max")
    assert not stop.ask(0.5, step=1)
    assert not stop.ask(0.6, step=2)
    assert not stop.ask(0.99, step=1)  # a new life after a crash: the answer was no
    assert not stop.ask(0.99, step=2)
    assert stop.checks == 2
    assert stop.ask(0.99, step=3)


@pytest.mark.parametrize("rule", [REACHED, STALLED])
def test_one_that_goes_on_from_its_file_is_as_if_never_interrupted(
    rule: Private, tmp_path: Path
) -> None:
    values = [0.5, 0.6, 0.7, 0.8, 0.85, 0.88, 0.89, 0.893, 0.895, 0.99]
    noisy = replace(rule, n_val=200, test_seed=3)
    whole = answers(PrivateStop(noisy, "max"), values)
    assert any(whole)
    found = []
    for step, value in enumerate(values):
        again = PrivateStop(noisy, "max", file=tmp_path / "state")
        found.append(again.ask(value, step))
    assert found == whole
    assert PrivateStop(noisy, "max", file=tmp_path / "state").stopped


def test_the_file_is_for_its_owner_and_holds_no_secret_after_the_stop(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "state"
    stop = PrivateStop(STALLED, "max", file=file)
    assert not file.exists()
    answers(stop, [0.123456, 0.2, 0.3])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "123456" in file.read_text()
    answers(stop, [0.3, 0.3])
    state = json.loads(file.read_text())["state"]
    assert state == {
        "key": "", "shift": None, "best": None, "recent": [], "checks": 3, "stopped": True,
    }  # fmt: skip
    assert [path.name for path in file.parent.iterdir()] == ["state"]


def test_closing_forgets_the_secrets_and_asks_no_more(tmp_path: Path) -> None:
    stop = PrivateStop(REACHED, "max", file=tmp_path / "state")
    stop.ask(0.123456)
    stop.close()
    assert json.loads((tmp_path / "state").read_text())["state"]["key"] == ""
    assert not stop.ask(0.99)
    assert not PrivateStop(REACHED, "max", file=tmp_path / "state").ask(0.99)


def test_a_file_of_another_rule_or_of_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state"
    PrivateStop(REACHED, "max", file=file).ask(0.5)
    assert "left by another rule" in refusal(PrivateStop, STALLED, "max", file=file)
    file.write_text("{}")
    assert "is not the state of a private stop" in refusal(PrivateStop, REACHED, "max", file=file)
    assert "must be an absolute path" in refusal(PrivateStop, REACHED, "max", file="state")


def test_nothing_of_it_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    stop = PrivateStop(STALLED, "max")
    answers(stop, [0.123456, 0.2])
    shown = repr(stop) + repr(stop._state) + caplog.text
    state = stop._state
    for secret in ("123456", repr(state.key), state.key.hex(), str(state.recent[-1])):
        assert secret not in shown


def test_it_cannot_be_sent_to_another_process() -> None:
    with pytest.raises(TypeError, match="build it inside the trial"):
        pickle.dumps(PrivateStop(REACHED, "max"))


def test_a_rule_is_refused_by_a_policy_and_another_rule_here() -> None:
    assert "tune_es.privacy.PrivateStop" in refusal(Policy, "accuracy", "max", stop=REACHED)
    nested = REACHED | Target(0.99)
    assert "tune_es.privacy.PrivateStop" in refusal(Policy, "accuracy", "max", stop=nested)
    assert "must be a Private rule" in refusal(PrivateStop, Target(0.9), "max")
    assert "Metric.mode" in refusal(PrivateStop, REACHED, "higher")


def test_a_seeded_one_is_private_for_nobody() -> None:
    stop = PrivateStop(replace(REACHED, test_seed=1), "max")
    assert stop.epsilon == math.inf
    assert "epsilon=inf" in repr(stop)


def test_a_clipped_mean_is_moved_by_one_example_by_no_more_than_its_bounds() -> None:
    losses = [0.5, 1.5, 2.0, 9.0]
    assert clipped_mean(losses, (0, 4)) == 2.0
    for worst in (math.inf, math.nan, 1e300):
        assert clipped_mean([worst, *losses[1:]], (0, 4)) - clipped_mean(losses, (0, 4)) <= 1.0
    assert math.isnan(clipped_mean([], (0, 1)))
