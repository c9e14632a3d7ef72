"""config.yaml as data, and everything that can be wrong with it told with line and column.

    text ─ document.parse ─▶ Document (plain data, positions, repeated keys)
         ─ load.load ─▶ Fragment (Config, diagnostics, references, packycode sources)
         ─ rules ─▶ more diagnostics

``schema`` holds the structs, ``diagnostics`` the shape of a problem, ``packycode`` the precedence
config.yaml > environment > Codex CLI. Pure: references are resolved by a function passed in.
"""
