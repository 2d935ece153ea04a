"""The policy file: a policy for one budget, and its certificate beside it."""

from __future__ import annotations

from pathlib import Path

from tune_es.certificate import KEY, Certificate
from tune_es.documents import dump_yaml
from tune_es.policy import Policy


def policy_text(policy: Policy, certificate: Certificate | None) -> str:
    """The YAML of a policy and its certificate; it loads wherever a policy file does."""
    beside = {} if certificate is None else {KEY: certificate.to_dict()}
    return dump_yaml({**policy.to_dict(), **beside})


def write_policy(path: Path, policy: Policy, certificate: Certificate | None) -> None:
    """Write :func:`policy_text`."""
    path.write_text(policy_text(policy, certificate), encoding="utf-8")
