"""``python -m tune_es.cli``."""

from tune_es.cli import main

if __name__ == "__main__":
    main()
