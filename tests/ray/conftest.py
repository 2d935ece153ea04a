"""One Ray for all tests in this folder, and nothing of one sweep left for the next."""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator

import pytest
import ray

#: What Ray would say and do beside the sweeps themselves; workers and drivers inherit it.
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
}

#: Ray's and TensorBoard's own code warns and leaves sockets to the garbage collector.
NOISE = (
    "ignore::DeprecationWarning",
    "ignore::FutureWarning",
    "ignore::ResourceWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for warning in NOISE:
            item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session", autouse=True)
def ray_address() -> Iterator[str]:
    """The address of the Ray that all tests share; drivers in other processes join it, too."""
    os.environ.update({name: os.environ.get(name, value) for name, value in QUIET.items()})
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()  # log files that a failed sweep has left open


@pytest.fixture(autouse=True)
def _same_environment() -> Iterator[None]:
    """A sweep leaves no setting behind, whatever became of it."""
    before = dict(os.environ)
    yield
    changed = {name for name in {*before, *os.environ} if before.get(name) != os.environ.get(name)}
    for name in changed:
        os.environ.pop(name, None)
        if name in before:
            os.environ[name] = before[name]
    assert {name for name in changed if "TUNE" in name} == set()
