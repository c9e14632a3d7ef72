"""The management API, ``/v0/management``: what is configured and its state, changing it, events, and reload.

    routes ─ access (the key; ``caller``) ─▶ one handler of the table ``operations`` ─▶ JSON of ``api.schemas``

``operations`` lists every operation with its handler: ``handlers`` show the running daemon, test a provider or
reload, ``config_writes`` shows and changes config.yaml. ``openapi`` describes the table. ``requests`` reads bodies and
headers, ``views`` and ``masked`` turn the snapshot into JSON without its secrets, ``upstream_rule`` says where
upstreams may be, ``events`` streams the audit log.
"""
