"""A local upstream with a scripted model, so that the daemon can be tried, and failover rehearsed, without a key.

    POST body ─ <wire>.read ─▶ Conversation ─ script.decide ─▶ actions ─ answer.compose ─▶ Answer
    client    ◀─ delivery ─── frames or JSON ◀─ <wire>.frames / <wire>.whole ────────────────┘

``script`` alone decides what is said; ``responses``, ``chat`` and ``messages`` each read and render
one wire, with the same functions in the same order. ``faults`` names what may go wrong, ``relay`` says what a Codex
relay demands and how it refuses, ``ledger`` holds the queue of faults and counts requests, ``delivery`` sends bytes at
the pace and with the breakage asked for, ``app`` is the raw ASGI application, ``serving`` runs it.

``makes`` has a row for each make of upstream that can be played: its paths and models, the ``Demand``s that it makes of
a request (built by ``rules``) and the wires that write its answers (``habits``). ``reading`` reads a request as a make
does.

Nothing here imports the daemon's own wires: a mistake in them must not be mirrored by what tests them.
"""
