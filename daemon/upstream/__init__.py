"""The way up: a provider's door, and the one place where bytes leave for it.

    CoreAuth + client headers ─ doors ─▶ headers ─┐
    UpstreamBody ────────────────────────────────┴─▶ transport.Transport.open ─▶ UpstreamAnswer

    CoreAuth ─▶ probe (DNS, TLS, GET /models; never paid) ─▶ findings: what it means, in words

``doors`` addresses a provider as its wire says; ``transport`` owns the connections and is
the only module that knows the HTTP engine of the request path: ``connection``, read at the ``pace`` that
its answers ask for, opened by ``dialing``. ``addresses`` judges where a name leads,
``reaches`` remembers which hosts were set through the API; both ``probe`` and ``transport`` obey them.
Foreign exceptions become ours here.
"""
