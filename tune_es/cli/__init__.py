"""The command ``tune-es``; ``python -m tune_es.cli`` does the same."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; a package that is missing is named in one line."""
    try:
        from tune_es.cli.app import run
    except ModuleNotFoundError as missing:
        sys.exit(f"tune-es needs {missing.name}: pip install 'tune-es[replay]'")
    run()
