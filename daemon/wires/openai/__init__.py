"""What the two OpenAI wires have in common; no wire itself.

request_body      how a client's body is read, and how a mistake in it is worded
parameters        a hub request's values as these upstreams take them; effort in the levels of a model
documents         what both write in the same way of documents, foreign parts and failed tools
errors            a failure as a client of either wire gets it
"""
