"""The objects that serve traffic, one per core auth, and what those of one type of provider have in common.

    CoreAuth ─ registry.of ─▶ Adapter ─▶ encode, headers, open, accept, begin, decoder      (a request's steps)
                                      └▶ chat, chat_stream                                  (the same in a row)
    CoreAuth ─ table.adapter_of ─▶ AdapterType ─▶ url, models_url, count_url, headers       (one file per type)

A type is a wire and a profile. Its wire says what every upstream of it wants (``wires/<wire>/upstream.py``:
the path, how the key is sent, forced fields); the type adds what its own make of upstream has beside the bodies.
``base`` is what all types share, ``table`` has them by name. ``adapter`` is the one class, ``registry`` builds, keeps
and replaces its objects (``docs/decisions/0014-adapters.md``).
"""
