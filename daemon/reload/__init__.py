"""The one pipeline from what a source reads to what requests see, and what is told about it.

    start · file event · SIGHUP · POST /reload
        └▶ Mailbox ─▶ Reloader ── check ─▶ Fragment ── build ─▶ Snapshot ── diff ─▶ ChangeSet
             newest      │  one at a time       │ errors                          │
                         │                      ▼                                 ▼
                         │           refused: the last good stays    appliers: prepare ─ swap ─ retire
                         └──────────────────────┴───────▶ Telling: log, events, metrics, systemd

``reloader`` turns the crank, ``check`` reads and checks off the event loop, ``appliers`` is the
transaction, ``telling`` the only place that speaks, ``supervise`` what keeps a source running.
``outcome`` is what every caller gets. ``writing`` changes config.yaml from within. What is kept
over restarts is ``daemon.state``.
"""
