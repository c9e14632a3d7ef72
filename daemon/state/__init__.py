"""What is kept in the state directory over restarts, and how it is written there.

    config.yaml in force ─▶ copies: last good (a start on a broken file) ┐
                                    history (rollback)                   ├ sealed ─▶ state directory, mode 0600
    a write in place     ─▶ unfinished (a killed writer)                 ┘
    hosts set through the API (``upstream.http.egress``)                           ─────────▶

``files`` has the one way to replace a file: all of it or the old content, synced; and it seals what may hold
literal keys. ``write_lock`` keeps a second daemon with the same directory from writing at the same time.
File names and formats outlive versions: an older daemon's directory is read as it is.
"""
