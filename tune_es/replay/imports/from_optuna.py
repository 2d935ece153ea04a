"""The intermediate values of an Optuna study as a curve set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tune_es.replay.imports.sweep import Evaluation, Sweep, check_budget

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

from tune_es.replay.curve_set import CurveSet

MODES = {"MINIMIZE": "min", "MAXIMIZE": "max"}


def from_optuna(
    study: Study, metric: str, task: str | None = None, max_t: int | None = None
) -> CurveSet:
    """What the trials of a study reported with ``trial.report``, evaluation by evaluation.

    The mode is the direction of the study. Trials are named by their number, with zeros in front,
    and have every state but running and waiting: a pruned one is as short as the pruner left it.
    Optuna keeps no time of a report, so there are no seconds.

    Args:
        study: A study with one objective.
        metric: What the reported values are, for instance ``val_loss``.
        task: The name of the task; the study's name where none is given.
        max_t: The budget of a trial in evaluations; the longest trial where none is given.

    Raises:
        ValueError: Several objectives, for which Optuna keeps no intermediate values, or a study
            in which nothing was reported.

    >>> import optuna
    >>> from optuna.trial import create_trial
    >>> study = optuna.create_study(study_name="sweep", direction="minimize")
    >>> study.add_trial(create_trial(value=0.5, intermediate_values={10: 0.9, 20: 0.5}))
    >>> from_optuna(study, "val_loss").tasks[0].values(0)
    array([0.9, 0.5])
    """
    check_budget("from_optuna", max_t)
    name = study.study_name
    if len(study.directions) > 1:
        raise ValueError(
            f"from_optuna needs a study with one objective, since Optuna keeps no intermediate "
            f"values of several; {name!r} has {len(study.directions)}"
        )
    finished = [trial for trial in study.get_trials(deepcopy=False) if trial.state.is_finished()]
    reported = [trial for trial in finished if trial.intermediate_values]
    if not reported:
        raise ValueError(
            f"from_optuna needs trials that called trial.report; none of the {len(finished)} "
            f"finished trials of {name!r} did"
        )
    digits = len(str(max(trial.number for trial in reported)))
    named = {str(trial.number).zfill(digits): trial for trial in reported}
    left_out = len(finished) - len(reported)
    return Sweep(
        "an Optuna study",
        name,
        task or name,
        metric,
        MODES[study.direction.name],
        {number: _evaluations(trial, metric) for number, trial in named.items()},
        {number: trial.params for number, trial in named.items()},
        max_t,
        [f"{left_out} trials reported nothing and are left out"] * (left_out > 0),
    ).curve_set()


def _evaluations(trial: FrozenTrial, metric: str) -> list[Evaluation]:
    values = sorted(trial.intermediate_values.items())
    return [Evaluation(step, {metric: float(value)}) for step, value in values]
