"""Changing config.yaml in as few bytes as possible, comments kept.

    block as written + as shown + as sent ─ patch ─▶ block ─ rewrite ─▶ new text, read again

``patch`` computes the block after a change through the API. ``rewrite`` changes the text: ``pieces`` finds where
each value is written, ``plan`` and ``items`` decide which pieces to replace, ``render`` writes values as YAML.
"""
