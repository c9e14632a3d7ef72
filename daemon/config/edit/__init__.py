"""Changing config.yaml by as few bytes as can be: what it is to say goes in, the same text with its comments comes out.

    block as written + as shown + as sent ─ patch ─▶ block ─ rewrite ─▶ new text, read again

``patch`` says what a block holds after a change through the API. ``rewrite`` is the entrance for a text;
``pieces`` finds where each value is written, ``plan`` and ``items`` decide which pieces to splice, ``render``
writes values as YAML.
"""
