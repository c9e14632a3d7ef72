"""How the upstreams of each type of provider are addressed: base URL, headers, quirks. One file per type.

    CoreAuth ─ table.adapter_of ─▶ AdapterType ─▶ url, models_url, count_url
    CoreAuth, the client's headers ──────┴──────▶ headers

A type is a wire and a profile. Its wire says what every upstream of it wants (``wires/<wire>/upstream.py``:
the path, how the key is sent, forced fields); the type adds what its own make of upstream has beside the bodies.
``base`` is what all types share, ``table`` has them by name.
"""
