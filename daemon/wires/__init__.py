"""The JSON dialects. Each folder is one wire with the same four files, to be read side by side:
``schema`` (its structs), ``decode`` (bytes to hub), ``encode`` (hub to bytes), ``stream`` (both for SSE).

    as an entry:     decode_request, encode_response, stream_encoder, encode_error
    as an upstream:  encode_request, decode_response, stream_decoder, decode_error

``base`` holds the shape they share, ``sse`` the frame splitter, ``naming`` the limits on tool names
and ids, ``block_writer`` the numbers of hub blocks. What OpenAI's two wires have in common stands in
``openai_errors``, ``openai_effort``, ``function_schemas`` and ``retry_after``; ``context_length`` reads what
servers say of a prompt that does not fit. Wires never import each other; all else they share is the hub.
"""
