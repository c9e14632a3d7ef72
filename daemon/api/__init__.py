"""The HTTP surface. The only home of Starlette; ``app.build`` puts it together.

    socket ─▶ guard ─┬─ POST of an inference entry ─▶ entry (raw ASGI) ─▶ gateway.request_handler
                     └─ everything else ─▶ Starlette: status, models, management

``guard`` refuses malformed and foreign requests and puts the ids on every answer, ``problems``
renders errors in the dialect of a path, ``services`` is what the routes are given,
``management_access`` checks the management key (``caller`` says who calls, ``attempt_rate`` how fast
the world is guessing), ``upstream_rule`` where upstreams may be, ``views`` and ``masked`` turn the
snapshot into JSON without its secrets, ``event_stream`` follows the audit log, ``codex_catalog`` lists
models as Codex CLI reads them. ``operations`` is the management API as one table, ``answers`` its
structs, ``openapi`` the description of both. Each request reads the snapshot once.
"""
