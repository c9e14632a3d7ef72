"""Who is asked for a request, when to wait, and when to give up. Pure: no clock, no network.

    candidates (from the snapshot) ─▶ plan ─ Ask │ Pause │ Acquire ─▶ whoever drives the request
                                       ▲                                   │
                                       └──── what came of it ◀─────────────┘
    plan ─▶ router: one question to the tables beside each other
            selection   cooldowns   affinity   slots   concurrency   health   retry_budget

Everything is kept by stable core auth ID, so that it survives a reload. ``states`` is what of it is shown.
"""
