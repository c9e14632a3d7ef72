"""The provider store: providers in a database, created and changed through an API while traffic runs.

    JSON body ─ provider_fields ─▶ ProviderFields ─▶ service ─▶ repository ─▶ database (SQLite, PostgreSQL)
                                                                                │ version, NOTIFY
    Fragment ◀─ source ◀─ provider_row ◀─ rows ◀────────────────────────────────┘ notifications

``provider_row`` and ``provider_fields`` are pure: what a row is, what is wrong with one, which ``Provider`` it makes.
``encryption`` seals the keys. ``database`` has the connections, the migration and the one place where a driver's
exception becomes ours (``errors``); ``repository`` has the statements. Both are synchronous, on the one worker thread
of ``source``. ``service`` is what the API calls: validate, write, reload, list with state.

Nothing here is imported before there is a row or a write: SQLAlchemy costs 0.3 s and 28 MiB, which a daemon
without a store need not pay.
"""
