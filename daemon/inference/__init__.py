"""The hub: one canonical vocabulary for requests, answers and streams of answers.

    client bytes ─ wire.decode_request ─▶ Request ─ wire.encode_request ─▶ upstream bytes
    client bytes ◀─ wire.encode_response ─ Response ◀─ wire.decode_response ─ upstream bytes
    client bytes ◀─ StreamEncoder ─ Event* ◀─ StreamDecoder ─ upstream bytes

``blocks`` are the pieces of content, ``request`` is what a client asks, ``response`` the whole answer,
``events`` the same answer as it grows. ``collect`` folds events into a response, ``replay`` unfolds it
again, ``merged`` joins the deltas of a block. Everything is frozen; nothing here knows a wire, a clock or a socket.
"""
