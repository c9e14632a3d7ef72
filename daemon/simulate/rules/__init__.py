"""What makes demand of requests, as functions that build a ``Demand`` for a make's row.

``rule`` is the frame of all of them, ``envelopes`` are the bodies that a refusal comes in. ``turns`` are about the
order of messages, ``contents`` about what they hold, ``parameters`` about everything else and about what the model that
is asked for can do; ``thinking`` reads whether a request wants none.
"""
