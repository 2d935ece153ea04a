"""The stopper: the same decisions for sweeps that keep another scheduler."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from ray.tune import Stopper

from tune_es.checks import check_fields
from tune_es.params import KEY
from tune_es.policy import Policy
from tune_es.ray.judge import Judge, judges
from tune_es.ray.transfer import Transfer


class EarlyStopper(Stopper):
    """Stops trials by a policy from ``RunConfig(stop=...)``, beside any scheduler.

    The arguments are those of :class:`tune_es.Policy`, or one ready policy; ``metric`` and
    ``mode`` have to be given, because Ray tells a stopper nothing. It writes ``es/*`` into the
    results itself and Ray saves its state. A sweep with Ray's strict check of metrics on still
    ends at a result without the metric that ``TuneConfig`` names: that check comes first. In a
    list of stoppers put it first: Ray asks those behind one that stops no more.

    Raises:
        ValueError: An unknown argument or an impossible value, when built.

    >>> from ray.tune import RunConfig
    >>> stopper = EarlyStopper(metric="eval_loss", mode="min", stop="safe", max_t=20)
    >>> run_config = RunConfig(stop=stopper)
    """

    _transfer: Transfer | None = None

    def __init__(self, policy: Policy | None = None, **policy_fields: Any) -> None:
        check_fields("EarlyStopper", policy_fields, [each.name for each in fields(Policy)])
        if policy is not None and policy_fields:
            raise ValueError(
                f"EarlyStopper takes a policy or its fields, got both: {sorted(policy_fields)}"
            )
        self._judge = Judge(Policy.from_dict(policy_fields) if policy is None else policy)

    @classmethod
    def from_file(cls, path: str | Path, **changes: Any) -> EarlyStopper:
        """The stopper for a policy in a YAML file; changes and warnings as for the scheduler.

        What can be known before the sweep is warned of at once. Nothing is said of the number of
        trials, which no stopper is told.
        """
        stopper = cls(Policy.from_file(path, **changes))
        stopper._transfer = Transfer.from_file(path)
        if stopper._transfer is not None:
            stopper._transfer.begin(stopper.policy, None)
        return stopper

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._judge.referee.policy

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """True where the trial is to end; the ``es`` entry is written into ``result``."""
        if result.get("done") and KEY in result:  # the last result again, at a natural end
            self._judge.forget(trial_id)
            return False
        judges[trial_id] = self._judge
        self._judge.admit(trial_id, result.get("config"))
        words = self._judge.columns(trial_id, result)
        if self._transfer is not None:
            self._transfer.note(trial_id, result)
        result[KEY] = words
        if words["code"]:
            self._judge.forget(trial_id)
        return bool(words["code"])

    def stop_all(self) -> bool:
        """Never: a policy decides per trial."""
        return False
