"""Policies by name or file, for any task: the task gives metric, mode and budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tune_es.checks import nearest
from tune_es.documents import load_yaml, read_text
from tune_es.policy import Policy
from tune_es.promotion import PromotionRule
from tune_es.replay.cluster import Scheduler
from tune_es.replay.curves import Task
from tune_es.replay.judged import InOrder, PolicyScheduler
from tune_es.replay.life import TIME_ATTR
from tune_es.spec import KINDS, PRESETS

#: What a replay takes from the task, whatever a policy file says.
OF_THE_TASK = ("metric", "mode", "max_t", "time_attr")

SUFFIXES = (".yaml", ".yml")

#: The name of training every trial in full.
FULL = "full"


@dataclass(frozen=True)
class Candidate:
    """A policy to be judged: a name, and how a fresh scheduler is made for a task.

    Args:
        name: What tables call it.
        make: From a task and the number of trials that will come.
        policy: The policy of a task, where the scheduler is one of ours, decides by it and knows
            how many trials will come.
    """

    name: str
    make: Callable[[Task, int], Scheduler]
    policy: Callable[[Task], Policy] | None = None


@dataclass(frozen=True)
class Rule:
    """A policy freed from its task: metric, mode, budget and ``time_attr`` are those of the task.

    Evaluations count as steps, so ``not_before`` and the like are in evaluations.

    >>> rule = Rule(Policy("eval_loss", "min", stop="safe", max_t=9))
    >>> policy = rule.policy(Task("set", "task", "val_accuracy", "max", max_t=50))
    >>> policy.metric, policy.max_t
    ('val_accuracy', 50)
    """

    template: Policy

    def policy(self, task: Task) -> Policy:
        """The policy for a task.

        Raises:
            ValueError: The rule names a metric that is neither the task's nor another one of its.
        """
        others = {**self.template.other_metrics}
        others.pop(task.metric, None)
        return replace(
            self.template,
            metric=task.metric,
            mode=task.mode,
            max_t=task.max_t,
            time_attr=TIME_ATTR,
            other_metrics=others,
        )

    def scheduler(self, task: Task, trials: int) -> Scheduler:
        """A fresh scheduler that decides by the policy."""
        return PolicyScheduler(self.policy(task), trials=trials)


def in_full(task: Task, trials: int) -> Scheduler:
    """A scheduler that stops nothing."""
    return InOrder()


def candidate(name_or_file: str) -> Candidate:
    """The policy that a name, a YAML file or a YAML text stands for.

    A name is ``full``, a preset, or a criterion or promotion rule with its defaults. A text is one
    that begins with a brace: ``{Patience: {patience: 5}}``. A file ends in ``.yaml`` or ``.yml``
    and holds either a whole policy, as ``Policy.to_yaml`` writes it, or a rule alone.

    Raises:
        ValueError: Nothing of that name, with the nearest one; a file that describes no policy.
        OSError: A file that cannot be read.

    >>> each = candidate("{Patience: {patience: 5}}")
    >>> each.policy(Task("set", "task", "val_loss", "min", 50)).criterion.patience
    5
    >>> candidate("save")
    Traceback (most recent call last):
    ValueError: no policy is called 'save', and a file ends in .yaml; did you mean 'safe'? Valid: \
aggressive, balanced, full, halving, median, none, patience, safe
    """
    if name_or_file == FULL:
        return Candidate(FULL, in_full)
    if name_or_file in PRESETS or name_or_file in KINDS:
        return _ruled(name_or_file, name_or_file)
    if name_or_file.lstrip().startswith("{"):
        return _ruled(name_or_file, name_or_file)
    path = Path(name_or_file)
    if path.suffix not in SUFFIXES:
        names = nearest(name_or_file, [*PRESETS, FULL])
        raise ValueError(f"no policy is called {name_or_file!r}, and a file ends in .yaml; {names}")
    return _ruled(path.stem, read_text(path))


def candidates(names: Iterable[str]) -> list[Candidate]:
    """Every policy named; two that would share a name in a table are refused."""
    found: dict[str, Candidate] = {}
    for name in names:
        each = candidate(name)
        if each.name in found:
            raise ValueError(f"two policies are called {each.name!r}; rename a file")
        found[each.name] = each
    return list(found.values())


def _fields(data: Any) -> Mapping[str, Any]:
    """The fields of a policy in data that is one, or a rule to stop or to promote alone."""
    if isinstance(data, Mapping) and {"stop", "promotion", *OF_THE_TASK} & set(data):
        return data
    name = next(iter(data), None) if isinstance(data, Mapping) else data
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is not None and issubclass(kind, PromotionRule):
        return {"stop": "none", "promotion": data}
    return {"stop": data}


def _ruled(name: str, text: str) -> Candidate:
    """The policy that a YAML text describes: whole, or a rule alone."""
    try:
        data = load_yaml(text)
        given = {"metric": "any", "mode": "min", "max_t": 1, **_fields(data)}
        rule = Rule(Policy.from_dict(given))
    except ValueError as error:
        raise ValueError(f"policy {name!r}: {error}") from error
    return Candidate(name, rule.scheduler, rule.policy)
