"""From what a source reads to what requests see, and the report of it.

    start · file event · SIGHUP · POST /reload
        └▶ Mailbox ─▶ Reloader ── check ─▶ Fragment ── build ─▶ Snapshot ── diff ─▶ ChangeSet
             newest      │  one at a time       │ errors                          │
                         │                      ▼                                 ▼
                         │           refused: the last good stays    appliers: prepare ─ swap ─ retire
                         └──────────────────────┴───────▶ Reporter: log, events, metrics, systemd

``reloader`` keeps the last good fragment of each source and applies all of them merged, ``check`` reads
and checks off the event loop, ``appliers`` is the transaction, ``file_in_force`` the copies of config.yaml,
``report`` the only place that logs an outcome, ``supervise`` what keeps a source running. ``outcome`` is
what every caller gets. ``writing`` changes config.yaml from within. What is kept over restarts is ``daemon.state``.
"""
