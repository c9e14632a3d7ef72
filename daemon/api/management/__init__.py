"""The management API, ``/v0/management``: what is configured and its state, changing it, events, and reload.

    routes ─ access (the key; ``caller``) ─▶ one handler of the table ``operations`` ─▶ JSON of ``api.schemas``

``operations`` lists every operation with its handler, ``write_operations`` those that change config.yaml by
``config_writes``; ``handlers`` look at the running daemon or reload. ``openapi`` describes the table. ``requests``
reads what a request says, ``views`` and ``masked`` turn the snapshot into JSON without its secrets,
``upstream_rule`` says where upstreams may be, ``events`` follows the audit log.
"""
