"""Where the policy of a callback comes from, and what is refused when it is built."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from tune_es.checks import check_fields, nearest
from tune_es.criteria.private import check_reported
from tune_es.integrations.trial import in_trial
from tune_es.policy import Policy
from tune_es.spec import KINDS, PRESETS

logger = logging.getLogger("tune_es")

#: A policy, a preset's or a criterion's name, a YAML file, or plain data.
Source = Policy | str | Path | Mapping[str, Any] | None

FILES = (".yaml", ".yml")


def policy_of(owner: str, source: Source, given: Mapping[str, Any]) -> Policy:
    """The policy that was meant, with other values for the fields that are given.

    Raises:
        ValueError: An unknown field or preset, a value outside its range, or a policy that has
            nothing to say to a run that is no trial of a sweep.

    >>> policy_of("PolicyCallback", "none", {"metric": "eval_loss", "mode": "min"}).metric
    'eval_loss'
    >>> policy_of("PolicyCallback", "saef", {"metric": "eval_loss", "mode": "min"})
    Traceback (most recent call last):
    ValueError: PolicyCallback.policy must be a Policy, a preset or a YAML file, got 'saef'; \
did you mean 'safe'? Valid: aggressive, balanced, halving, median, none, patience, safe
    """
    check_fields(owner, given, [each.name for each in fields(Policy)])
    policy = _built(owner, source, given)
    check_reported(policy.criterion)
    if not in_trial():
        _check_alone(owner, policy)
    return replace(policy, promotion=None, ties=None)


def _built(owner: str, source: Source, given: Mapping[str, Any]) -> Policy:
    if isinstance(source, Policy):
        return replace(source, **given) if given else source
    if source is None or isinstance(source, Mapping):
        return Policy.from_dict({**(source or {}), **given})
    if isinstance(source, Path) or str(source).endswith(FILES):
        return Policy.from_file(source, **given)
    if source in PRESETS or source in KINDS:
        return Policy.from_dict({"stop": source, **given})
    raise ValueError(
        f"{owner}.policy must be a Policy, a preset or a YAML file, got {source!r}; "
        f"{nearest(source, PRESETS)}"
    )


def _check_alone(owner: str, policy: Policy) -> None:
    """Say what has nothing to say where there are no other trials."""
    leaves = [each for each in policy.criterion.walk() if not each.parts]
    asleep = sorted({each.label for each in leaves if each.uses_peers})
    if asleep and all(each.uses_peers for each in leaves):
        raise ValueError(
            f"{owner}.policy must judge a run by itself outside of a sweep, got "
            f"{', '.join(asleep)}, which compares trials"
        )
    if policy.promotion is not None:
        asleep.append(type(policy.promotion_rule).__name__)
    if asleep:
        logger.warning("%s: no other trials here, so %s is silent", owner, ", ".join(asleep))
