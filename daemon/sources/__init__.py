"""Where configuration comes from. A source pushes whole updates and never patches; it does not know
what they mean.

    config.yaml ──┐ watchfiles (hint)                      stamp      (dev, ino, size, mtime, ctime)
    named files ──┼─▶ one event ─▶ settle ─▶ read ─▶ Update ─▶ publish
                  └ own stat, every second   └ lease       └ between two equal stamps

``file`` is the source of config.yaml; ``settle`` decides when a save is complete (pure); ``lease``
asks the kernel whether a writer has the file open; ``reading`` reads whole regular files and
nothing else; ``watching`` says which directories to listen to. ``references`` and ``outer`` read
what config.yaml points at: environment, key files, systemd credentials, the Codex CLI's own files.
"""
