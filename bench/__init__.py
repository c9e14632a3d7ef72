"""Measurements, as ratios within one run: absolute figures on a shared machine prove nothing.

    python -m bench                 everything (`make bench`)
    python -m bench peers           the daemon beside LiteLLM and nginx, with the harness of ../shared/bench
    python -m bench translation     the translation core alone, against json.loads + json.dumps of the same bytes

``peers`` starts everything and reads the results, ``targets`` lists the targets, ``translation`` and ``samples``
measure the core, ``table`` prints. A gateway that is not installed is skipped, with a message that names it.
"""
