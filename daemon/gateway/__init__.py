"""One request's life, between the entry that took it and the upstream that answers.

    ClientRequest ─ RequestHandler ─▶ resolve model ─▶ order candidates ─▶ attempt … attempt
                                                                      │ pipe.prepare ─▶ upstream bytes
    client ◀─ ClientStream ◀─ pipe.take ◀─ held back until committed ◀┘ pipe.feed ◀─ upstream bytes

Each attempt goes through the adapter of its core auth (``upstream.adapters``), and through nothing else.

``request_handler`` drives one request; ``live_state`` is what all of them share. ``response_pipe`` is the shape
of a request's way up and its answer's way back: ``translation`` goes through the hub, ``passthrough`` (with
``rewrite_body``) forwards the bytes where entry and upstream speak the same wire. ``request_state`` is what may
interrupt a request, ``deadlines`` the one clock that watches all of them (keep-alive, timeouts),
``client_stream`` the way back to the client. ``learned`` remembers what upstreams have refused. ``reasoning`` keeps
encrypted reasoning with the core auth that made it, ``request_record`` reports to log and metrics how a request
ended, ``access`` says who may ask, ``counting`` counts tokens.
"""
