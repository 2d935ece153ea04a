"""What a study is told, on real studies: every trial is closed, once, with what it did."""

from __future__ import annotations

import math
import pickle
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import BaseStorage, JournalStorage, get_storage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from tune_es.search import Ending, Ledger, Objectives

SPACE = {
    "x": FloatDistribution(0, 1),
    "n": IntDistribution(1, 9, log=True),
    "kind": CategoricalDistribution(["a", "b"]),
}
ENDED, FAILED = Ending("ENDED"), Ending("FAILED", failed=True)


def storage_of(kind: str, folder: Path) -> BaseStorage | None:
    if kind == "journal":
        return JournalStorage(JournalFileBackend(f"{folder}/study.log"))
    return get_storage(f"sqlite:///{folder}/study.db") if kind == "sqlite" else None


def ledger_of(storage: BaseStorage | None = None, sweep: str = "mine", **objectives: Any) -> Ledger:
    given = Objectives.of(**{"metric": "loss", "mode": "min", **objectives})
    directions = [StudyDirection[f"{mode.upper()}IMIZE"] for mode in given.modes]
    study = optuna.create_study(
        storage=storage, study_name="s", directions=directions, load_if_exists=True
    )
    return Ledger(study, given, sweep)


def report(ledger: Ledger, name: str, *losses: float, start: int = 1) -> None:
    for step, loss in enumerate(losses, start):
        ledger.note(name, step, [loss if math.isfinite(loss) else None])


def told(ledger: Ledger) -> list[tuple[str, float | None]]:
    return [(each.state.name, each.value) for each in ledger.study.get_trials()]


def values(trial: FrozenTrial) -> dict[int, float]:
    """The intermediate values that count."""
    return {at: value for at, value in trial.intermediate_values.items() if not math.isnan(value)}


@pytest.mark.parametrize("kind", ["memory", "sqlite", "journal"])
def test_a_trial_from_ask_to_end(kind: str, tmp_path: Path) -> None:
    ledger = ledger_of(storage_of(kind, tmp_path))
    trial = ledger.ask("t", SPACE)
    assert trial.params.keys() == SPACE.keys()
    report(ledger, "t", 3, 1, math.nan, 2)
    assert ledger.open == ["t"]
    ledger.close("t", Ending("STALLED", attrs={"es/seconds": 1.5}))
    ledger.close("t", FAILED)
    (frozen,) = ledger.study.get_trials()
    assert (frozen.state, frozen.value) == (TrialState.COMPLETE, 1)
    assert frozen.intermediate_values == {1: 3, 2: 1, 4: 2}
    assert frozen.user_attrs == {
        "es/sweep": "mine",
        "es/trial_id": "t",
        "es/cause": "STALLED",
        "es/steps": 4,
        "es/best_step": 2,
        "es/seconds": 1.5,
    }
    assert frozen.distributions == SPACE


def test_ends_without_values() -> None:
    ledger = ledger_of()
    for name in ("failed", "never ran", "nothing finite"):
        ledger.ask(name, SPACE)
    report(ledger, "failed", 3, 1)
    report(ledger, "nothing finite", math.nan, math.inf)
    ledger.close("failed", FAILED)
    ledger.close("never ran", Ending("UNFINISHED"))
    ledger.close("nothing finite", ENDED)
    assert told(ledger) == [("FAIL", None)] * 3
    causes = [each.user_attrs["es/cause"] for each in ledger.study.get_trials()]
    assert causes == ["FAILED", "UNFINISHED", "BROKEN"]
    assert ledger.open == []


@pytest.mark.parametrize("kind", ["memory", "sqlite", "journal"])
def test_a_life_that_was_lost_is_taken_back(kind: str, tmp_path: Path) -> None:
    ledger = ledger_of(storage_of(kind, tmp_path))
    ledger.ask("t", SPACE)
    report(ledger, "t", 9, 8, 1, 7)
    report(ledger, "t", 6, 5, start=2)
    (frozen,) = ledger.study.get_trials()
    assert values(frozen) == {1: 9, 2: 6, 3: 5}
    ledger.close("t", ENDED)
    assert told(ledger) == [("COMPLETE", 5)]


@pytest.mark.parametrize("kind", ["memory", "sqlite", "journal"])
def test_one_that_failed_goes_on_in_a_new_entry(kind: str, tmp_path: Path) -> None:
    ledger = ledger_of(storage_of(kind, tmp_path))
    asked = ledger.ask("t", SPACE)
    report(ledger, "t", 3, 1)
    ledger.close("t", FAILED)
    report(ledger, "t", 4, start=3)
    assert ledger.open == ["t"]
    ledger.close("t", ENDED)
    assert told(ledger) == [("FAIL", None), ("COMPLETE", 1)]
    new = ledger.study.get_trials()[1]
    assert new.params == asked.params
    assert values(new) == {1: 3, 2: 1, 3: 4}


def test_one_that_was_told_is_told_again_only_where_it_went_on() -> None:
    ledger = ledger_of()
    ledger.ask("t", SPACE)
    report(ledger, "t", 3, 2, 2.5)
    ledger.close("t", Ending("UNFINISHED"))
    report(ledger, "t", 9, 9, 9)  # a restored sweep goes through its steps again
    ledger.close("t", ENDED)
    assert told(ledger) == [("COMPLETE", 2)]
    report(ledger, "t", 5, 1, start=4)
    ledger.close("t", ENDED)
    assert told(ledger) == [("COMPLETE", 2), ("COMPLETE", 1)]
    assert values(ledger.study.get_trials()[1]) == {1: 3, 2: 2, 3: 2.5, 4: 5, 5: 1}


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_an_older_ledger_is_healed_and_others_are_let_alone(kind: str, tmp_path: Path) -> None:
    """One process died after its last save; another one, which lives, shares its study."""
    storage = storage_of(kind, tmp_path)
    mine, theirs = ledger_of(storage), ledger_of(storage, "theirs")
    theirs.ask("alive", SPACE)
    for name in ("goes on", "ended", "failed"):
        mine.ask(name, SPACE)
        report(mine, name, 4, 3)
    saved = pickle.dumps(mine)
    report(mine, "goes on", 1, 2, start=3)
    report(mine, "ended", 2, start=3)
    mine.close("ended", ENDED)
    mine.close("failed", FAILED)
    mine.ask("unknown", SPACE)
    report(mine, "unknown", 1)
    restored: Ledger = pickle.loads(saved)
    restored.heal()
    assert restored.open == ["goes on"]
    named = {each.user_attrs["es/trial_id"]: each for each in restored.study.get_trials()}
    assert values(named["goes on"]) == {1: 4, 2: 3}
    assert (named["unknown"].state.name, named["unknown"].user_attrs["es/cause"]) == (
        "FAIL",
        "LOST",
    )
    report(restored, "goes on", 3.5, start=3)
    restored.close("goes on", ENDED)
    restored.close("ended", ENDED)
    states = {each.user_attrs["es/trial_id"]: each.state.name for each in theirs.study.get_trials()}
    assert states == {
        "alive": "RUNNING",
        "goes on": "COMPLETE",
        "ended": "COMPLETE",
        "failed": "FAIL",
        "unknown": "FAIL",
    }
    theirs.close("alive", ENDED)


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_a_point_that_a_lost_trial_had_is_asked_for_again(kind: str, tmp_path: Path) -> None:
    mine, point = ledger_of(storage_of(kind, tmp_path)), {"x": 0.25, "n": 3, "kind": "b"}
    mine.study.enqueue_trial(point)
    saved = pickle.dumps(mine)
    for _ in range(2):  # it is lost twice
        pickle.loads(saved).ask("lost", SPACE)
        restored: Ledger = pickle.loads(saved)
        restored.heal()
    assert restored.ask("again", SPACE).params == point
    restored.close("again", FAILED)
    restored.heal()
    assert [state for state, _ in told(restored)] == ["FAIL"] * 3


def test_one_that_somebody_else_ended_in_the_storage_disturbs_nobody() -> None:
    ledger = ledger_of()
    number = ledger.ask("t", SPACE).number
    report(ledger, "t", 3)
    ledger.study.tell(number, state=TrialState.FAIL)
    report(ledger, "t", 2, 1, start=2)
    ledger.close("t", ENDED)
    assert told(ledger)[0] == ("FAIL", None)
    assert "RUNNING" not in [state for state, _ in told(ledger)]


def test_several_objectives_are_told_together() -> None:
    ledger = ledger_of(metric=["loss", "cost"], mode=["min", "min"], grows=["cost"], max_t=10)
    ledger.ask("stopped", SPACE)
    ledger.ask("broken", SPACE)
    for step, row in enumerate([(3.0, 2.0), (1.0, None), (2.0, 6.0), (None, None)], 1):
        ledger.note("stopped", step, row)
    ledger.note("broken", 1, (3.0, None))
    ledger.close("stopped", ENDED)
    ledger.close("broken", ENDED)
    stopped, broken = ledger.study.get_trials()
    assert (stopped.state, stopped.values) == (TrialState.COMPLETE, [1, 15])
    assert (broken.state, broken.values) == (TrialState.FAIL, None)
    assert stopped.intermediate_values == {}


def test_a_trial_that_nobody_asked_for_is_taken_in() -> None:
    ledger = ledger_of()
    ledger.adopt("t", {"x": 0.5, "n": 3, "kind": "b"}, {**SPACE})
    report(ledger, "t", 3, 1)
    ledger.close("t", ENDED)
    (frozen,) = ledger.study.get_trials()
    assert (frozen.value, frozen.params["x"]) == (1, 0.5)
    with pytest.raises(ValueError, match="x"):
        ledger.adopt("u", {"x": 7.0, "n": 3, "kind": "b"}, {**SPACE})
    assert "u" not in ledger
    assert len(ledger.study.get_trials()) == 1
