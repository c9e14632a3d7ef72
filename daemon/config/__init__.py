"""config.yaml as data, and everything that is wrong with it, with line and column.

    bytes ─ document.parse ─▶ Document (plain data, positions, repeated keys; ``scan`` first, for limits)
          ─ packycode.merge ─ convert (types, by ``shape``) ─ rules (meaning) ─▶ Fragment (``load``)

``schema`` holds the structs, ``shape`` the same as data (also for ``json_schema``, ``exposure`` and the
diff), ``diagnostics`` the form of a problem, ``unknown`` the warnings about keys that do not exist,
``packycode`` the precedence config.yaml > environment > Codex CLI, ``urls`` how a URL is checked and
shown. ``provider`` is the one form of all providers, ``profiles`` who has which profile, ``makes`` their table.
``edit`` changes the text. Pure: ``references`` are resolved by a function that is passed in.
"""
