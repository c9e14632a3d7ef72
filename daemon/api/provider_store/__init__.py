"""The API of the provider store, ``/api/v1``: part of the management API, behind the same key.

``operations`` is its part of the table from which routes and description are made, ``handlers`` serve it, ``policy``
says what a caller may write, ``refusals`` how an error of the store is answered.
"""
