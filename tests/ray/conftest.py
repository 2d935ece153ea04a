"""One Ray for all tests in this folder, and nothing of one sweep left for the next."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
import ray

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
def _ray(ray_address: str) -> None:
    """Every test in this folder has it."""


@pytest.fixture(autouse=True)
def _all_cpus(request: pytest.FixtureRequest, _ray: None) -> None:
    """After a driver was killed its CPUs come back, but for some that Ray never counts as free."""
    if request.node.get_closest_marker("chaos") is None:
        return
    give_up = time.monotonic() + 20
    while (free := ray.available_resources().get("CPU", 0)) < ray.cluster_resources()["CPU"]:
        if time.monotonic() > give_up:
            pytest.skip(f"Ray 2.60 has lost a CPU with a driver that was killed: {free:g} are free")
        time.sleep(0.2)


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
