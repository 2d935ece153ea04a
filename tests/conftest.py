"""What every test may ask for: the shared data, a Ray, and Hypothesis as this machine wants it."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator
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


#: What Ray would say and do beside the sweeps themselves; workers and drivers inherit it. Nobody
#: reads the workers' logs here, so Ray looks for new ones now and then only.
QUIET = {
    "RAY_LOG_MONITOR_MANY_FILES_THRESHOLD": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
}


@pytest.fixture(scope="session")
def ray_address() -> Iterator[str]:
    """The address of the Ray of this process; drivers in other processes join it, too."""
    import ray

    os.environ.update({name: os.environ.get(name, value) for name, value in QUIET.items()})
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # log files that a failed sweep has left open


#: Files whose tests run in the second of two processes with a Ray: searches and tuning, and what is
#: mostly run by processes of its own. Both should take as long, and what starts many processes at
#: once (a dashboard, trials of many workers) is in the same one: beside each other they time out.
BESIDE = (
    "test_optuna_search.py", "test_live_tuning", "test_meta", "test_best_checkpoint",
    "test_dashboard", "test_data_parallel", "test_jobs", "test_other_models", "test_readme",
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
