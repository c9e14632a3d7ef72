"""The JSON dialects. Each folder is one wire, with the same modules at its heart, to be read side by side:
``schema`` (its structs), ``decode`` (bytes to hub), ``encode`` (hub to bytes), ``errors`` (both ways), and
``stream_decoder`` and ``stream_encoder`` (the same for SSE).

    as an entry:     decode_request, encode_response, stream_encoder, encode_error
    as an upstream:  encode_request, decode_response, stream_decoder, decode_error

``base`` holds the shape they share and ``table`` lists them. Wires never import each other; what they share is the
hub, and the modules here:

    events    sse (the frame splitter), sse_decoder (what all stream decoders do), block_writer (hub blocks)
    tools     offered_tools, custom_tools, function_schemas, naming (limits on names and ids)
    failures  remote_errors (the way in), error_body and error_page (readers), failure_words (the table),
              upstream_failures (the judge), retry_after, context_length, mistakes (what a client may read of its own)
    OpenAI    openai_entry, openai_parameters, openai_effort, openai_error_body: what its two wires have in common
    bytes     raw_json (what is kept unread)
"""
