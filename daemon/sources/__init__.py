"""Where configuration comes from. A source publishes whole updates and never patches; it does not know
what they mean.

    config.yaml ──┐ watchfiles (hint)                      stamp      (dev, ino, size, mtime, ctime)
    named files ──┼─▶ one event ─▶ settle ─▶ read ─▶ Update ─▶ publish
                  └ own stat, every second   └ lease       └ between two equal stamps

``base`` is the protocol of a source. ``file`` is the source of config.yaml; ``settle`` decides when a save is
complete (pure); ``lease`` asks the kernel whether a writer has the file open; ``reading`` reads whole regular
files and nothing else. ``references`` and ``ambient`` read what is outside config.yaml: environment, key
files, systemd credentials, certificates, the Codex CLI's own files. ``write`` is the other direction: it replaces
config.yaml.
"""
