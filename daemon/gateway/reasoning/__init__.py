"""Encrypted reasoning goes back to the core auth whose upstream made it, and to no other.

Only that upstream can read it; another one refuses the whole request because of it. Through the hub, ``signatures``
seals each piece with the core auth's tag on its way to the client. Where the bytes pass through untouched, ``owners``
remembers by a fingerprint who made a piece, and ``filter`` leaves out of a request what its upstream cannot read.
``call_reasoning`` keeps the sealed pieces of clients whose API has no place for them.
"""
