"""Measurements, as ratios within one run: absolute figures on a shared machine prove nothing.

    python -m bench                 everything (`make bench`)
    python -m bench peers           the daemon compared with LiteLLM and nginx, by the harness of ../shared/bench
    python -m bench translation     only the translation core, compared with json.loads + json.dumps of the same bytes
    python -m bench decision        only the router's decision, compared with a whole plain answer

``peers`` starts everything and reads the results, ``targets`` lists the targets, ``translation`` and ``samples``
measure the core, ``decision`` the router, ``table`` prints. A gateway that is not installed is skipped, with a message
that names it.
"""
