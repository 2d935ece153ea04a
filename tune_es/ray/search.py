"""The searcher: Ray Tune's OptunaSearch, which tells Optuna the truth about stopped trials."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ray.cloudpickle
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, get_storage
from optuna.trial import FixedTrial
from ray.tune.experiment import Trial
from ray.tune.search.optuna import OptunaSearch
from ray.tune.utils import flatten_dict
from ray.tune.utils.util import validate_warmstart

from tune_es.checks import check_name
from tune_es.params import KEY
from tune_es.ray.ending import await_sweep, joined
from tune_es.ray.judge import logger
from tune_es.reading import SEPARATOR
from tune_es.search import Ending, Ledger, Objectives, Results, config_of
from tune_es.search.ledger import SWEEP
from tune_es.search.objectives import Names
from tune_es.search.sampler import MODELS, tpe_of_several

#: Study attribute: sweeps whose first points are in.
ENQUEUED = "es/enqueued"

Space = dict[str, Any] | Callable[..., dict[str, Any] | None] | None


class EarlyStoppingOptunaSearch(OptunaSearch):
    """OptunaSearch for sweeps that stop trials early, whichever scheduler does: a truthful study.

    - A trial that ended with finite values is COMPLETE with its best value so far; so is one that
      was paused and let go, and one that ran when the whole sweep was ended.
    - A trial that failed is FAIL, whatever it had reached: an error that ended it for good, a crash
      of its process included, a last value of NaN or infinity, or no finite value at all.
    - No trial stays RUNNING after the sweep: not with a time budget, ``Ctrl-C`` or after
      ``Tuner.restore``. Every finite value of every step is an intermediate value.
    - User attributes say ``es/cause`` (of the scheduler, else ENDED, FAILED, BROKEN, UNFINISHED or
      LOST), ``es/steps``, ``es/best_step``, ``es/seconds``, ``es/cost`` and ``es/trial_id``. What a
      process that died asked for last is LOST; a point of ``points_to_evaluate`` comes again.

    The default sampler is multivariate TPE with a good set for many cheap trials; with one
    objective it compares trials at a common step (:class:`tune_es.search.CommonRungSampler`).
    Several objectives are told as they were at the best step by the first one. A trial that is
    resumed after it was told, or restarted under a new name, gets a new entry in the study. Results
    without the metric, or with something that is no number, are passed over.

    Args:
        space, metric, mode, points_to_evaluate, study_name, seed, evaluated_rewards: As in Ray's.
        sampler: Any Optuna sampler, used as it is; ``model`` is not for it.
        storage: An Optuna storage, or its URL, ``"sqlite:///study.db"``.
        model: What the default sampler looks at: "common_rung", or "best", the told values alone;
            that is the default for a metric such as ``es/utility``, known only at a trial's end.
        time_attr: The key of the step, cut to a whole number.
        cost_attr: A key whose last value becomes ``es/cost``.
        grows: Objectives that grow with training, as time and cost do, so that stopped trials look
            cheap; they are drawn out to ``max_t`` steps.
        max_t: The number of steps of a full training, for ``grows``.

    Raises:
        ValueError: A model that is unknown or not for what is searched; ``grows`` that name no
            objective, or come without ``max_t``.

    >>> from ray import tune
    >>> space = {"lr": tune.loguniform(1e-5, 1e-1)}
    >>> search = EarlyStoppingOptunaSearch(space, metric="loss", mode="min", seed=1)
    >>> EarlyStoppingOptunaSearch(space, metric="loss", mode="min", model="common-rung")
    Traceback (most recent call last):
    ValueError: EarlyStoppingOptunaSearch.model must be a known name, got 'common-rung'; \
did you mean 'common_rung'? Valid: best, common_rung
    """

    #: Read by the scheduler beside it: results need no mending before they come here.
    bears_anything = True

    def __init__(
        self,
        space: Space = None,
        metric: Names = None,
        mode: Names = None,
        points_to_evaluate: list[dict[str, Any]] | None = None,
        sampler: BaseSampler | None = None,
        study_name: str | None = None,
        storage: BaseStorage | str | None = None,
        seed: int | None = None,
        evaluated_rewards: list[Any] | None = None,
        *,
        model: str | None = None,
        time_attr: str = "training_iteration",
        cost_attr: str | None = None,
        grows: Sequence[str] = (),
        max_t: float | None = None,
    ) -> None:
        if model is not None:
            check_name(type(self).__name__, "model", model, MODELS)
            if sampler is not None or isinstance(metric, list):
                other = "several objectives" if sampler is None else "a sampler"
                raise ValueError(f"{type(self).__name__}.model {model!r} is not for {other}")
        self._model = model
        self._time_attr, self._cost_attr = time_attr, cost_attr
        self._grows, self._max_t = tuple(grows), max_t
        self._sweep = uuid.uuid4().hex
        self._ledger: Ledger | None = None
        if grows or isinstance(metric, list):
            Objectives.of(metric, mode, self._grows, max_t)  # errors show here, not in the sweep
        kept = get_storage(storage) if isinstance(storage, str) else storage
        of_ray = (points_to_evaluate, sampler, study_name, kept, seed, evaluated_rewards)
        super().__init__(space, metric, mode, *of_ray)

    def _setup_study(self, mode: Any) -> None:
        if self._sampler is None:
            at_end = str(self._metric).startswith(KEY + SEPARATOR)
            model = MODELS[self._model or ("best" if at_end else "common_rung")]
            self._sampler = (tpe_of_several if isinstance(mode, list) else model)(self._seed)
        points, self._points_to_evaluate = self._points_to_evaluate, []
        super()._setup_study(mode)
        self._points_to_evaluate = points
        study: Any = self._ot_study
        objectives = Objectives.of(self._metric, mode, self._grows, self._max_t)
        self._ledger = Ledger(study, objectives, self._sweep)
        self._enqueue()
        await_sweep(self)

    def _enqueue(self) -> None:
        """Points to begin with, once for a sweep: a restored one finds them in its storage."""
        study, points = self._the_ledger.study, self._points_to_evaluate
        if not points or self._sweep in study.user_attrs.get(ENQUEUED, ()):
            return
        space: Any = self._space
        rewards: Any = self._evaluated_rewards
        validate_warmstart(space, [*points], rewards, not callable(space))
        for at, point in enumerate(points):
            if rewards:
                self.add_evaluated_point(point, rewards[at])
            else:
                study.enqueue_trial(point, user_attrs={SWEEP: self._sweep})
        study.set_user_attr(ENQUEUED, [*study.user_attrs.get(ENQUEUED, ()), self._sweep])

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        ledger = self._ledger
        if ledger is None or not self._metric or not self._mode:
            return super().suggest(trial_id)  # which says what is missing
        joined(self, trial_id)
        config = None
        try:
            space: Any = self._space
            self._ot_trials[trial_id] = ledger.ask(trial_id, None if callable(space) else space)
            config = super().suggest(trial_id)
        finally:
            if config is None and trial_id in ledger:
                ledger.close(trial_id, Ending("FAILED", failed=True))
        return config

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        if self._knows(trial_id, result):
            self._note(trial_id, result)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        if not self._knows(trial_id, result or {}):
            return
        result, ledger = result or {}, self._the_ledger
        if not self._note(trial_id, result):
            ledger.note_end(trial_id, self._results.values(result))
        ledger.close(trial_id, self._results.ending(result, error))
        self._completed_trials.add(trial_id)

    @property
    def open(self) -> list[str]:
        """The names of the trials that the study still waits for."""
        return [] if self._ledger is None else self._ledger.open

    def settle(self, trials: list[Trial]) -> None:
        """Take all open trials as ended, as they stand; Ray's callback says when."""
        known = {trial.trial_id: trial for trial in trials}
        for name in self.open:
            trial = known.get(name)
            if trial is None:
                self._the_ledger.close(name, Ending("LOST", failed=True))
            else:
                last = flatten_dict(trial.last_result or {})
                self.on_trial_complete(name, last, error=trial.status == Trial.ERROR)
        self._the_ledger.close_lost()

    def save(self, checkpoint_path: str) -> None:
        """Save by value what pickle knows by name alone: a space that is a function in a script."""
        Path(checkpoint_path).write_bytes(ray.cloudpickle.dumps(self.__dict__))

    def restore(self, checkpoint_path: str) -> None:
        super().restore(checkpoint_path)
        if self._ledger is not None:
            for name in self._ledger:
                joined(self, name)
            self._ledger.heal()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._ledger is not None:
            await_sweep(self)

    @property
    def _the_ledger(self) -> Ledger:
        if self._ledger is None:
            raise RuntimeError("EarlyStoppingOptunaSearch has no search space yet")
        return self._ledger

    @property
    def _results(self) -> Results:
        return Results(self._the_ledger.objectives.metrics, self._time_attr, self._cost_attr)

    def _knows(self, trial_id: str, result: Mapping[str, Any]) -> bool:
        """True of a trial in the study. One it was not asked for is taken in.

        Such are those that Ray restarts under a new name, and those that it started after the state
        of the searcher was last saved.
        """
        ledger = self._the_ledger
        if trial_id in ledger:
            return True
        config = config_of(flatten_dict(dict(result)))
        if not config:
            return False
        try:
            ledger.adopt(trial_id, *self._point(config))
        except (KeyError, ValueError) as error:
            logger.warning("trial %s is not in the study, and cannot be: %s", trial_id, error)
            return False
        joined(self, trial_id)
        return True

    def _point(self, config: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        space: Any = self._space
        if not callable(space):
            return {name: config[name] for name in space}, dict(space)
        trial: Any = FixedTrial(config)
        self._suggest_from_define_by_run_func(space, trial)
        return trial.params, trial.distributions

    def _note(self, trial_id: str, result: Mapping[str, Any]) -> bool:
        step = self._results.step(result)
        if step is not None:
            self._the_ledger.note(trial_id, step, self._results.values(result))
        return step is not None
