"""tppcd: a daemon that watches config.yaml and serves LLM traffic through third-party Codex providers.

There are two planes, and one value between them. The configuration plane (``config``, ``snapshot``,
``sources``, ``state``, ``reload``) turns files into one immutable ``Snapshot``; the request plane
(``inference``, ``wires``, ``router``, ``upstream``, ``gateway``, ``api``) reads the current one
once per request. ``service`` starts and stops both; ``cli`` is the command line; ``telemetry`` is logs,
metrics and the audit log of both planes; ``simulate`` is an upstream to try the daemon with.
"""

__version__ = "0.1.1"
