"""The HTTP surface. The only home of Starlette; ``app.build`` puts it together.

    socket ─▶ guard ─┬─ POST of an inference entry ─▶ inference.entry (raw ASGI) ─▶ gateway.request_handler
                     └─ everything else ─▶ Starlette: public, inference.models, management

``inference`` is for clients, ``management`` for operators, ``public`` for probes and scrapers. They share the modules
beside them: ``guard`` refuses malformed and foreign requests and puts the ids on every response, ``bodies`` reads
request bodies, ``problems`` renders errors in the dialect of a path, ``schemas`` are the structs of the
management API, ``services`` are the parts of the daemon that the routes use. Each request reads the snapshot once.
"""
