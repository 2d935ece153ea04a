"""A policy: what is measured, when a trial is stopped, and what its budget is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from tune_es.certificate import KEY
from tune_es.checks import check_fields
from tune_es.cohort import Cohort, Peers
from tune_es.criteria import AnyOf, Budget, Criterion, Explosion, NonFinite
from tune_es.criteria.combine import mute
from tune_es.documents import changed_document, dump_yaml, load_yaml, read_text
from tune_es.params import changed, split
from tune_es.policy_checks import check_policy
from tune_es.promotion import PromotionRule, TieBreak
from tune_es.reading import Reader, Reading, lookup
from tune_es.records import JUDGEMENTS, Action, Decision, Metric, Observation
from tune_es.signals.best import is_better
from tune_es.spec import fields_spec, from_spec, promotion_from_spec, ties_from_spec
from tune_es.utility import utility


class PolicyState(NamedTuple):
    """What a policy remembers of one trial; the best value is oriented."""

    rule: Any
    best: float | None = None
    best_step: float | None = None


@dataclass(frozen=True)
class Policy:
    """Metrics, a stopping rule and a budget, checked when built; the same in Python and in YAML.

    Args:
        metric: The primary metric: what ``best`` means, and what rules judge that name no other.
            Nested results are addressed with slashes, ``"val/loss"``.
        mode: ``"min"`` or ``"max"``, of ``metric``.
        stop: The stopping rule: a :class:`Criterion`, the name of a preset (``"safe"``,
            ``"balanced"``, ``"aggressive"``), or either as plain data.
        other_metrics: Further metrics that rules name, each with its mode.
        max_t: The budget of a trial in units of ``time_attr``. A trial is stopped there
            (EXHAUSTED), and rules that think in shares of the budget need it.
        time_attr: The result key that counts training; it has to grow.
        not_before: A step, or the milestones of a schedule; the last counts. Before it no rate is
            reduced, and no trial stopped as STALLED, OVERFIT or HOPELESS; broken and done ones are.
        nonfinite_patience: A trial ends as BROKEN after a non-finite ``metric`` and this many
            more in a row; None switches the guard off.
        explosion_factor: A loss that stays this many times worse than it began ends the trial as
            HOPELESS (see :class:`tune_es.Explosion`); None switches the guard off.
        cost_attr: The result key with the money spent so far, for ``Budget(cost=...)``.
        price_per_hour: Used instead of ``cost_attr``: money for an hour of ``time_total_s``.
        promotion: A rule that pauses trials at rungs and lets the best go on, such as
            :class:`tune_es.AdaptiveQuota`; trials have to save checkpoints then.
        ties: How promotion tells trials apart that ``metric`` does not: :class:`tune_es.TieBreak`.
        budget_price: What a whole ``max_t`` is worth, in units of ``metric``: for ``es/utility``.

    Raises:
        ValueError: Who, rule, value and the nearest valid choice.

    >>> from tune_es import Patience
    >>> policy = Policy("eval_loss", "min", stop=Patience(2), max_t=10)
    >>> decision = policy.first_stop([0.9, 0.5, 0.6, 0.5, 0.4])
    >>> decision.step, decision.verdict.cause.name, decision.best, decision.best_step
    (4, 'STALLED', 0.5, 2)
    >>> Policy.from_yaml(policy.to_yaml()) == policy
    True
    """

    metric: str
    mode: str
    stop: Criterion | str | Mapping[str, Any] = "balanced"
    other_metrics: Mapping[str, str] = field(default_factory=dict, hash=False)
    max_t: float | None = None
    time_attr: str = "training_iteration"
    not_before: float | Sequence[float] | None = None
    nonfinite_patience: int | None = 2
    explosion_factor: float | None = 300.0
    cost_attr: str | None = None
    price_per_hour: float | None = None
    promotion: PromotionRule | str | Mapping[str, Any] | None = None
    ties: TieBreak | Mapping[str, Any] | None = None
    budget_price: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "stop", from_spec(self.stop))
        if self.promotion is not None:
            object.__setattr__(self, "promotion", promotion_from_spec(self.promotion))
        if self.ties is not None:
            object.__setattr__(self, "ties", ties_from_spec(self.ties))
        if not isinstance(self.other_metrics, Mapping):
            raise ValueError(
                f"Policy.other_metrics must map names to modes: {self.other_metrics!r}"
            )
        others = sorted(self.other_metrics.items(), key=lambda item: str(item[0]))
        object.__setattr__(self, "other_metrics", dict(others))
        if isinstance(self.not_before, (list, tuple)):
            object.__setattr__(self, "not_before", tuple(self.not_before))
        check_policy(self)

    @cached_property
    def criterion(self) -> Criterion:
        """The stopping rule alone, without budget and guard."""
        return from_spec(self.stop)

    @cached_property
    def promotion_rule(self) -> PromotionRule | None:
        """The rule that pauses and promotes, where there is one."""
        return None if self.promotion is None else promotion_from_spec(self.promotion)

    @cached_property
    def tie_break(self) -> TieBreak | None:
        """What tells tied trials apart under promotion, where anything does."""
        return None if self.ties is None else ties_from_spec(self.ties)

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """Every metric by name, the primary one first."""
        others = {name: Metric(name, mode) for name, mode in self.other_metrics.items()}
        return {self.metric: Metric(self.metric, self.mode), **others}

    @cached_property
    def milestones(self) -> tuple[float, ...]:
        """The steps of ``not_before``, none where nothing was said."""
        steps = self.not_before
        return steps if isinstance(steps, tuple) else () if steps is None else (steps,)

    @cached_property
    def rule(self) -> Criterion:
        """The stopping rule with the budget and the guards: everything that ends a trial."""
        parts = [self.criterion.held(max(self.milestones, default=0))]
        if self.max_t is not None:
            parts.append(Budget(steps=self.max_t))
        if self.nonfinite_patience is not None:
            parts.append(NonFinite(self.nonfinite_patience))
        if self.explosion_factor is not None:
            parts.append(Explosion(self.explosion_factor))
        return AnyOf(*parts)

    @cached_property
    def _reader(self) -> Reader:
        signs = {name: metric.sign for name, metric in self.metrics.items()}
        inputs, price = self.criterion.input_names, self.price_per_hour
        return Reader(self.metric, signs, inputs, self.time_attr, self.max_t, self.cost_attr, price)

    @cached_property
    def uses_peers(self) -> bool:
        """True where a decision depends on the other trials."""
        return self.promotion is not None or self.criterion.uses_peers

    def init(self) -> PolicyState:
        """The state of a trial that has reported nothing."""
        return PolicyState(self.rule.init())

    def step(
        self, state: PolicyState, observation: Observation, peers: Peers
    ) -> tuple[PolicyState, Decision]:
        """The next state and the decision on one observation; changes neither argument."""
        rule, verdict = self.rule.step(state.rule, observation, peers)
        best, best_step = state.best, state.best_step
        if observation.score is not None and is_better(observation.score, best):
            best, best_step = observation.score, observation.step
        if verdict.cause in JUDGEMENTS and observation.step < max(self.milestones, default=0):
            verdict = mute(verdict)
        action = Action.STOP if verdict.stop else Action.CONTINUE
        shown = math.nan if best is None else self.metrics[self.metric].sign * best
        trial_id, step = observation.trial_id, observation.step
        decision = Decision(trial_id, step, action, verdict, shown, best_step)
        return PolicyState(rule, best, best_step), decision

    def read(self, trial_id: str, result: Mapping[str, object]) -> Reading:
        """The observation in a result, flat or nested; never raises for what a trial reported."""
        return self._reader.read(trial_id, result)

    def first_stop(self, results: Iterable[float | Mapping[str, object]]) -> Decision | None:
        """The first stop on one recorded curve, or None: the policy tried out without a sweep.

        A plain number is the primary metric; steps are 1, 2, 3, ... where a result has none.
        """
        state, peers = self.init(), Cohort().peers("")
        for step, result in enumerate(results, start=1):
            row = result if isinstance(result, Mapping) else {self.metric: result}
            if lookup(row, self.time_attr) is None:
                row = {**row, self.time_attr: step}
            reading = self.read("", row)
            if reading.observation is not None:
                state, decision = self.step(state, reading.observation, peers)
                if decision.stop:
                    return decision
        return None

    def with_params(self, params: Mapping[str, Any]) -> Policy:
        """The policy of a trial that brings its own parameters, as from ``config["es"]``.

        A name is a field of the policy where it is in :data:`tune_es.params.OF_A_TRIAL`, else one
        of the criteria in it.

        >>> policy = Policy("loss", "min", stop="safe", max_t=9)
        >>> policy.with_params({"min_gain": 0.01}).criterion.min_gain
        0.01
        """
        own, inner = split(params)
        policy = replace(self, **own) if own else self
        return replace(policy, stop=changed(policy.criterion, inner)) if inner else policy

    def utility(self, decision: Decision) -> float | None:
        """What a trial is worth at a decision (:func:`tune_es.utility.utility`), if priced."""
        if self.budget_price is None or self.max_t is None:
            return None
        sign, share = self.metrics[self.metric].sign, decision.step / self.max_t
        return utility(sign * decision.best, share, self.budget_price)

    def to_dict(self) -> dict[str, Any]:
        """The policy as plain data; fields that have their default are left out."""
        return dict(fields_spec(self))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Policy:
        """The policy that plain data describes; unknown and missing fields are refused.

        A certificate beside them is for :class:`tune_es.certificate.Certificate`.
        """
        if not isinstance(data, Mapping):
            raise ValueError(f"a policy must be a mapping of fields to values, got {data!r}")
        data = {name: value for name, value in data.items() if name != KEY}
        check_fields("Policy", data, [each.name for each in fields(cls)])
        for name in ("metric", "mode"):
            if name not in data:
                raise ValueError(f"Policy lacks the field {name!r}, which has no default")
        return cls(**data)

    def to_yaml(self) -> str:
        """The policy as a YAML document."""
        return dump_yaml(self.to_dict())

    @classmethod
    def from_yaml(cls, text: str) -> Policy:
        """The policy in a YAML document; it is data only and can run nothing."""
        return cls.from_dict(load_yaml(text))

    @classmethod
    def from_file(cls, path: str | Path, **changes: Any) -> Policy:
        """The policy in a YAML file, with other values for some fields; a metric in rules, too."""
        data = load_yaml(read_text(path))
        return cls.from_dict(changed_document(data, changes))
