"""Which core auth is asked, in which order, and when to stop. Pure: no clock, no network.

    candidates (from the snapshot) ─ selection.Rotation ─▶ order ─ failover.attempts ─▶ the next candidate
                                                                         ▲ its error ─┘
``states`` keeps what is remembered of each core auth between requests, by its stable ID, so that it
survives a reload. Cooldowns and affinity will sit between selection and failover.
"""
