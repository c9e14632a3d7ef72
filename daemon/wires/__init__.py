"""The JSON dialects. Each folder is one wire, with the same modules at its heart, to be read side by side:
``schema`` (its structs), ``decode_request`` and ``encode_request``, ``decode_answer`` and ``encode_answer``,
``errors`` (both ways), ``stream_decoder`` and ``stream_encoder`` (answers as SSE), ``passthrough`` (client and
upstream both use the wire), and ``upstream`` (endpoint, headers, forced fields). ``decode_blocks``,
``encode_blocks`` and ``answer_parts`` are helpers that all three have.

A ``Wire`` is everything that the rest may ask about one (``WIRES[auth.wire]``): elsewhere only the
schemas' literals, the route table, adapters, amendments, the command line, simulate and the seed system's packycode
rule name one.

    as an entry:     decode_request, encode_response, stream_encoder, encode_error
    as an upstream:  encode_request, decode_response, stream_decoder, decode_error

``base`` holds the shape they share and ``table`` lists them. Wires never import each other; what they share is the
hub, and the modules here:

    sse, sse_decoder  the frame splitter; what all stream decoders do, and where they write hub events
    tools, naming     a client's tools toward upstreams that know functions only; limits on names and ids
    tool_schemas      schemas that upstreams would refuse, repaired in schema_repairs, schema_keywords, moonshot_schemas
    call_ids          ids of calls that are unlike all others of their conversation, toward the client
    call_pairs        one result behind each call, toward the upstream; paired_messages does so for the hub's messages,
                      request_calls of each wire for bodies that pass through
    request_changes   what every wire may need changed on its way up: limits, efforts; and nested_fields, media_text
    effort            the levels of thinking, and the tokens that they stand for
    added_text        what is said for nobody: the mark of system text, placeholders
    failures/         what upstreams' failures mean
    openai/           what the two OpenAI wires have in common
    json              what is kept unread, what is wrong with it, and objects of odd shapes
"""
