"""The HTTP surface. The only home of Starlette; ``app.build`` puts it together.

    socket ─▶ guard ─┬─ POST of an inference entry ─▶ inference.entry (raw ASGI) ─▶ gateway.request_handler
                     └─ everything else ─▶ Starlette: public, inference.models, management

``inference`` is for clients, ``management`` for operators, ``public`` for probes and scrapers. They share what
stands here: ``guard`` refuses malformed and foreign requests and puts the ids on every response, ``bodies`` reads
what a client sends, ``problems`` renders errors in the dialect of a path, ``schemas`` are the structs of the
management API, ``services`` is what the routes are given. Each request reads the snapshot once.
"""
