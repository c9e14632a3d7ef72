"""``python -m daemon`` is ``tppcd``."""

from daemon.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
