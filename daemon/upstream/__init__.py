"""Everything between a core auth and the network.

    CoreAuth ─ adapters.registry ─▶ Adapter
    Request, or the client's bytes ─▶ Adapter ─▶ body, URL, headers ─▶ http.Transport.open ─▶ UpstreamResponse
    events, or bytes ◀─ Adapter ◀─ response_form ◀─────────────────────────────────────────────────┘

    CoreAuth ─▶ probe (DNS, TLS, GET /models; never paid) ─▶ diagnosis: what it means, in words

``adapters`` has an object for each core auth, through which all traffic goes; ``amendments`` lists what an upstream
may refuse, ``response_form`` what its 200 may hold. ``http`` is the engine, the one place where bytes leave for an
upstream. ``probe`` uses the same addresses, headers and engine, so that a check meets what a request would meet;
``tppcd doctor`` and the management API's provider test show its result.
"""
