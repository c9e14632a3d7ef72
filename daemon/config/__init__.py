"""config.yaml as data, and everything that is wrong with it, with line and column.

    bytes ─ document.parse ─▶ Document (plain data, positions, repeated keys; ``scan`` first, for limits)
          ─ packycode.merge ─ convert (types, by ``shape``) ─ rules (meaning) ─▶ Fragment (``load``)

``schema`` holds the structs, ``shape`` the same as data (also for ``json_schema``, ``exposure`` and the
diff), ``diagnostics`` the form of a problem, ``unknown`` what is said of keys that do not exist,
``packycode`` the precedence config.yaml > environment > Codex CLI, ``urls`` how one is checked and
shown. ``edit`` changes the text. Pure: ``references`` are followed by a function that is passed in.
"""
