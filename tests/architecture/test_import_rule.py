"""`import tune_es` costs nothing: no framework, and nothing but the standard library and YAML."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.architecture.tree import OURS, ROOT, imports_of, python_files, where

FRAMEWORKS = {
    "accelerate", "bokeh", "cyclopts", "datasets", "dp_accounting", "jinja2", "keras",
    "lightning", "matplotlib",
    "numba", "numpy", "optuna", "pandas", "plotly", "polars", "prometheus_client", "pyarrow",
    "ray", "rich", "safetensors", "scipy", "sentence_transformers", "sklearn", "tensorboardX",
    "tensorflow", "tokenizers", "torch", "transformers",
}  # fmt: skip

#: Modules without a file are built into Python or made up by an extension, as Cython does.
LIST_MODULES = """
print(json.dumps([name for name, module in sys.modules.items() if hasattr(module, "__file__")]))
"""


def loaded_by(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after running this code."""
    done = subprocess.run(
        [sys.executable, "-c", f"import json, sys; {code}\n{LIST_MODULES}"],
        capture_output=True,
        check=True,
        text=True,
        cwd=ROOT,
        timeout=300,
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_importing_the_core_loads_no_framework() -> None:
    assert loaded_by("import tune_es") & FRAMEWORKS == set()


def test_importing_the_core_loads_only_the_standard_library_and_yaml() -> None:
    added = loaded_by("import tune_es") - loaded_by("pass") - sys.stdlib_module_names
    assert added <= {"tune_es", "yaml", "_yaml"}


def test_the_command_loads_no_framework_before_it_is_needed() -> None:
    heavy = {"bokeh", "dp_accounting", "jinja2", "matplotlib", "optuna", "ray", "torch"}
    assert loaded_by("import tune_es.cli.app") & heavy == set()


def test_nobody_imports_the_tests() -> None:
    found = [
        where(path, line)
        for path in python_files(*OURS)
        for line, name in imports_of(path)
        if name.partition(".")[0] == "tests"
    ]
    assert found == []
