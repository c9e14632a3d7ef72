"""Measurements, as ratios within one run: absolute figures of a shared machine prove nothing.

    python -m bench                 everything (`make bench`)
    python -m bench peers           the daemon beside LiteLLM and nginx, with the harness of ../shared/bench
    python -m bench translation     the translation core alone, against json.loads + json.dumps of the same bytes

``peers`` starts everything and reads the results, ``targets`` says what has to hold, ``translation`` and ``samples``
measure the core, ``table`` prints. What is not installed is skipped by name, never silently.
"""
