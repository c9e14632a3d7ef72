"""tppcd: a daemon that watches config.yaml and serves LLM traffic through third-party Codex providers.

Two planes and one value between them. The configuration plane (``config``, ``snapshot``,
``sources``, ``reload``) turns files into one immutable ``Snapshot``; the request plane
(``inference``, ``wires``, ``router``, ``upstream``, ``gateway``, ``api``) reads the current one
once per request. ``service`` puts both together; ``cli`` is the command line.
"""

__version__ = "0.1.1"
