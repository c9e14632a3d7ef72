"""Clients of the daemon: what each needs, shown for a shell, or written into its own configuration and taken back.

    config.yaml ─ settings ─▶ Gateway ─┬ shown ──▶ the text that ``tppcd client NAME`` prints
                                       └ written ─▶ {path: value} ─ change ─▶ the client's file
                                                                      └ record ─▶ the state directory, for --undo

The files belong to other programs and to their users: ``json_text``, ``toml_text`` and ``yaml_text`` change only the
values that are asked for. Each result is parsed again and compared with what was wanted before it is written.
"""
