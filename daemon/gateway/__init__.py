"""One request's life, between the entry that took it and the upstream that answers.

    Inbound ─ pipeline ─▶ resolve model ─▶ order candidates ─▶ attempt … attempt
                                                                 │ relay.prepare ─▶ upstream bytes
    client ◀─ Channel ◀─ relay.take ◀─ held back until committed ◀┘ relay.feed ◀─ upstream bytes

``relay`` is the shape of a request's translation; ``translation`` goes through the hub,
``passthrough`` forwards the bytes where entry and upstream speak the same wire. ``exchange`` is the
mutable half of a request and ``sweep`` the one clock that watches all of them (keep-alive,
timeouts). ``sealing`` ties reasoning signatures to the core auth that made them, ``account`` tells
log and metrics how it ended, ``access`` says who may ask, ``counting`` counts tokens.
"""
