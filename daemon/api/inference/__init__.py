"""What coding agents and SDKs call: the entries of the three wires, and the list of models.

``entry`` is raw ASGI, since it serves every streamed event; ``client_stream`` writes a response to its client.
``models`` lists the models in each client's shape, ``codex_catalog`` in that of Codex CLI.
"""
