"""What every test may ask for: the shared data, and Hypothesis as this machine wants it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("KERAS_BACKEND", "torch")  # its default would be TensorFlow

ROOT = Path(__file__).resolve().parent.parent
RAY_TESTS = ROOT / "tests" / "ray"

# ci: the same examples on every run. dev: new ones each time, and failures are remembered.
settings.register_profile(
    "ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("dev", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))


def shared_folder() -> Path | None:
    """The recorded curves and texts: TUNE_ES_SHARED, or `shared` beside the checkout."""
    named = os.environ.get("TUNE_ES_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of recorded curves and texts; a test that needs it is skipped without it."""
    folder = shared_folder()
    if folder is None:
        pytest.skip("no recorded data: set TUNE_ES_SHARED, or put `shared` beside the checkout")
    return folder


#: Files whose tests run in the second of two processes with a Ray: searchers and tuning, and what
#: is mostly run by processes of its own. Both should take as long.
BESIDE = (
    "test_optuna_search", "test_live_tuning", "test_meta",
    "test_best_checkpoint", "test_dashboard", "test_jobs", "test_other_models", "test_readme",
)  # fmt: skip


def ray_group(file: str) -> str:
    """Which of the two processes runs the tests of a file."""
    return "ray-beside" if file.startswith(BESIDE) else "ray"


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts Ray runs in two processes, each with a Ray of its own, and can be left out."""
    for item in items:
        if RAY_TESTS in item.path.parents:
            item.add_marker(pytest.mark.ray)
        if item.get_closest_marker("ray") is not None:
            item.add_marker(pytest.mark.xdist_group(ray_group(item.path.name)))
