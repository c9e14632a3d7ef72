"""Everything between a core auth and the network.

    CoreAuth + the client's headers ─ adapters ─▶ URL, headers ─┐
    UpstreamBody ───────────────────────────────────────────────┴─▶ http.Transport.open ─▶ UpstreamResponse

    CoreAuth ─▶ probe (DNS, TLS, GET /models; never paid) ─▶ diagnosis: what it means, in words

``adapters`` says, for each type of provider, how its upstreams are addressed; ``http`` is the engine, the one place
where bytes leave for an upstream. ``probe`` uses both, so that a check meets what a request would meet;
``tppcd doctor`` and the management API's provider test show its result.
"""
