"""The event log of real sweeps tells what Ray's own files tell, and more, while they run."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler

from tests.ray.sweeps import Row, Sweep, fit, run, runs, tuner, warned
from tests.ray.trainables import losses
from tune_es import Patience, Policy
from tune_es.monitoring import Experiment, Status, TrialRecord, read_experiment, savings_of
from tune_es.ray import (
    EarlyStopper,
    EarlyStoppingCallback,
    EarlyStoppingScheduler,
    PromotionScheduler,
)

POLICY = Policy("loss", "min", stop=Patience(3), max_t=8)
CURVES: dict[str, list[float]] = {
    "stalls": [0.9, 0.5, 0.6, 0.6, 0.6, 0.6],
    "in full": [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1],
    "breaks": [0.9, float("nan"), float("nan"), float("nan")],
    "ends": [0.9, 0.8],
    "dies": [0.9, 0.8, 0.7],
}


def space(**more: Any) -> Row:
    each = (run(name, curve, **more) for name, curve in CURVES.items() if name != "dies")
    return runs(*each, run("dies", CURVES["dies"], crash_before=3, crashes=9, **more))


def named(experiment: Experiment, name: str) -> TrialRecord:
    (found,) = [each for each in experiment.trials if each.config["run/name"] == name]
    return found


class Looker(tune.Callback):
    """Looks at the sweep while it runs, as another process would."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[Experiment] = []

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if trials and any(self.folder.glob("es_events-*")):
            self.seen.append(read_experiment(self.folder))


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sweep, Looker, Path]:
    storage = tmp_path_factory.mktemp("watched")
    looker = Looker(storage / "sweep")
    marks = storage / "marks"
    marks.mkdir()
    sweep = fit(
        losses,
        space(pause_s=0.15, marks=str(marks)),
        storage,
        scheduler=EarlyStoppingScheduler(POLICY),
        callbacks=[looker],
    )
    return sweep, looker, storage / "sweep"


def test_a_sweep_is_seen_while_it_runs(watched: tuple[Sweep, Looker, Path]) -> None:
    _, looker, _ = watched
    assert {each.is_over for each in looker.seen} == {False}
    stands = {status for each in looker.seen for status in (t.status for t in each.trials)}
    assert {Status.RUNNING, Status.PENDING, Status.STOPPED} <= stands
    running = [t for each in looker.seen for t in each.trials if t.status is Status.RUNNING]
    assert any(len(each.steps) > 0 and each.patience_left is not None for each in running)
    assert looker.seen[0].planned == len(CURVES)


def test_at_the_end_it_tells_how_each_trial_ended(watched: tuple[Sweep, Looker, Path]) -> None:
    _, _, folder = watched
    experiment = read_experiment(folder)
    assert experiment.is_over
    assert (experiment.name, experiment.policy, experiment.max_t) == ("sweep", POLICY, 8)
    stands = {name: named(experiment, name).status for name in CURVES}
    assert stands == {
        "stalls": Status.STOPPED,
        "in full": Status.FINISHED,
        "breaks": Status.STOPPED,
        "ends": Status.FINISHED,
        "dies": Status.FAILED,
    }
    why = named(experiment, "stalls").why
    assert why is not None
    assert (why.step, why.cause, why.criterion) == (5, "STALLED", "Patience")
    assert why.evidence["misses"] == 3
    assert "CrashedError" in named(experiment, "dies").error
    for trial in experiment.trials:
        assert all(
            span.end is not None and re.match(r".+:\d+$", span.where) for span in trial.spans
        )


def plain(trial: TrialRecord) -> object:
    """What both ways of reading know; evidence is rounded in the files."""
    why = None if trial.why is None else (trial.why.step, trial.why.cause, trial.why.sentence)
    return repr((trial.trial_id, trial.status, [*trial.steps], {**trial.values}, why))


def test_rays_own_files_tell_the_same(
    watched: tuple[Sweep, Looker, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, folder = watched
    by_log = read_experiment(folder)
    monkeypatch.setattr("tune_es.monitoring.reading.has_events", lambda path: False)
    by_files = read_experiment(folder)
    assert sorted(map(plain, by_files.trials), key=str) == sorted(
        map(plain, by_log.trials), key=str
    )
    assert by_files.is_over
    logged, filed = savings_of(by_log), savings_of(by_files)
    assert (filed.steps_run, filed.steps_saved) == (logged.steps_run, logged.steps_saved)
    assert filed.seconds_saved == pytest.approx(logged.seconds_saved)


def test_pauses_and_promotions_are_spans(tmp_path: Path) -> None:
    curves = [[1 - 0.1 * at - 0.01 * step for step in range(9)] for at in range(6)]
    each = (run(str(at), curve, saves=True) for at, curve in enumerate(curves))
    fit(
        losses,
        runs(*each),
        tmp_path,
        scheduler=PromotionScheduler(metric="loss", mode="min", max_t=9),
    )
    experiment = read_experiment(tmp_path / "sweep")
    best, worst = named(experiment, "5"), named(experiment, "0")
    assert best.status is Status.FINISHED
    assert [span.ended for span in best.spans] == [*["paused"] * len(best.pauses), "finished"]
    assert [span.last for span in best.spans[:-1]] == [*best.pauses]
    assert worst.status is Status.STOPPED
    assert worst.why is not None
    assert worst.why.cause == "HOPELESS"
    assert worst.spans[-1].ended == "paused"


def test_a_stopper_with_the_callback_leaves_a_log_too(tmp_path: Path) -> None:
    fit(
        losses,
        runs(run("stalls", CURVES["stalls"])),
        tmp_path,
        stop=EarlyStopper(POLICY),
        callbacks=[EarlyStoppingCallback()],
    )
    experiment = read_experiment(tmp_path / "sweep")
    (trial,) = experiment.trials
    assert experiment.policy == POLICY
    assert trial.why is not None
    assert (trial.status, trial.why.cause, trial.why.evidence["misses"]) == (
        Status.STOPPED,
        "STALLED",
        3,
    )


def test_so_does_the_callback_beside_a_scheduler_of_ray(tmp_path: Path) -> None:
    asha = ASHAScheduler(metric="loss", mode="min", max_t=6, grace_period=1, reduction_factor=2)
    curves = [[1 - 0.2 * at] * 8 for at in (3, 2, 1, 0)]
    fit(
        losses,
        runs(*(run(str(at), curve) for at, curve in enumerate(curves))),
        tmp_path,
        scheduler=asha,
        callbacks=[EarlyStoppingCallback()],
        max_concurrent_trials=1,
    )
    experiment = read_experiment(tmp_path / "sweep", "loss", "min")
    assert experiment.policy is None
    assert experiment.max_t == 6
    assert named(experiment, "0").status is Status.FINISHED
    assert [named(experiment, name).status for name in "123"] == [Status.STOPPED] * 3
    with pytest.raises(ValueError, match="its metric and mode must be given; metrics: loss"):
        read_experiment(tmp_path / "sweep")


def test_the_log_can_be_left_out(tmp_path: Path) -> None:
    fit(
        losses,
        runs(run("stalls", CURVES["stalls"])),
        tmp_path,
        scheduler=EarlyStoppingScheduler(POLICY),
        callbacks=[EarlyStoppingCallback(event_log=False)],
    )
    assert not [*(tmp_path / "sweep").glob("es_events-*")]
    assert read_experiment(tmp_path / "sweep").trials[0].status is Status.STOPPED


def test_a_log_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    policy = replace(POLICY, stop=Patience(2))
    (tmp_path / "taken").write_text("")
    with warned() as warnings, pytest.MonkeyPatch.context() as patch:
        patch.setattr("tune_es.ray.audience.local_folder", lambda storage: tmp_path / "taken" / "x")
        sweep = fit(
            losses,
            runs(run("stalls", CURVES["stalls"])),
            tmp_path,
            scheduler=EarlyStoppingScheduler(policy),
        )
    assert sweep.steps("stalls") == 4
    assert len([each for each in warnings if "could not be written" in each]) == 1


@pytest.mark.parametrize("verbose", [0, 1])
def test_the_output_ends_with_a_summary_where_there_is_any(
    tmp_path: Path, verbose: int, capsys: pytest.CaptureFixture[str]
) -> None:
    ready = tuner(
        losses,
        runs(run("stalls", CURVES["stalls"]), run("in full", CURVES["in full"])),
        tmp_path,
        scheduler=EarlyStoppingScheduler(POLICY),
    )
    assert ready._local_tuner is not None
    ready._local_tuner._run_config.verbose = verbose
    ready.fit()
    out = capsys.readouterr().out
    assert ("Early stopping" in out) == bool(verbose)
    if verbose:
        words = out[out.index("Early stopping") :].strip().splitlines()
        assert words[1] == "trials   2: 1 stopped early (stalled 1), 1 ran in full"
        assert words[2] == "steps    13 run, 3 saved (19 %)"
        assert words[-1].startswith("report   tune-es report ")
