"""The HTTP engine toward upstreams: one request, one response, and the connections between.

    UpstreamCall ─ transport.Transport.open ─┬─ a pooled connection ───────────────────────┬─▶ UpstreamResponse
                                             └─ dialing: name, egress policy, proxy, TLS ──┘   read, gather, close

``transport`` is the only way in: ``call`` has the values that go in and out of it. Behind it, ``connection`` is one
HTTP/1.1 connection, read at the ``pace`` that its responses ask for. ``dialing`` opens it: ``racing`` connects to the
first of several addresses that answers, ``tunnel`` leads through a proxy, ``trust`` says by which CAs certificates are
checked. ``addresses`` says which networks an address belongs to, ``egress`` which of them each host may lead to.
Foreign exceptions become ours in ``transport``; ``causes`` has the words.
"""
