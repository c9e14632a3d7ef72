"""The makes of upstream, played: what each demands of a request, and how its answers look. Data and pure functions.

table ──▶ upstream ──▶ tests/e2e/test_makes.py
  ▲
demands (what is refused, in the make's words), answers (ids, thinking, ends)
"""
