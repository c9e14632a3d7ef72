"""The way up: a provider's door, and the one place where bytes leave for it.

    CoreAuth + client headers ─ doors ─▶ headers ─┐
    UpstreamBody ────────────────────────────────┴─▶ transport.Transport.open ─▶ UpstreamAnswer

``doors`` knows how each wire's providers want to be addressed; ``transport`` owns the connections and
is the only module that knows the HTTP engine. Foreign exceptions become ours here.
"""
