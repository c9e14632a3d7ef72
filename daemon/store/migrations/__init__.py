"""The migrations of the provider store, for Alembic: one script per change of the schema below ``versions``.

There is no ``env.py``: ``store.database`` opens the connection, takes the lock and runs the scripts on it, so that a
migration is one transaction on both databases. A script says its tables in full and imports nothing of ours, since it
must do the same for ever. Only ``upgrade`` is written: going back is a restore.
"""
