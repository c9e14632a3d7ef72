"""One immutable value that a request reads once: configuration, core auths, models, revision.

    Fragment(s) ─ build ─▶ Snapshot      core_auths: providers -> CoreAuth, with the seed system's stable IDs
                                          models:     public name -> candidates, aliases
    old, new ─ diff ─▶ ChangeSet ─ summary ─▶ redacted lines (log, events, CLI)

Registry and credentials are pure functions of the configuration, so they live inside the snapshot;
live state (cooldowns, counters) is keyed by the stable IDs and lives elsewhere.
"""
