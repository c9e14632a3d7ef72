"""What a command prints: lines for people, or one JSON document for scripts.

With ``--json`` stdout has exactly one document, also when the command fails: ``{"error": {"message": …}}``, with the
``diagnostics`` where the configuration is the reason. The line on stderr and the exit code are the same either way.
Wrong usage (exit 2) is text on stderr alone: whoever asks has not asked for JSON yet.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping

from daemon.cli.exit_codes import CONFIG, FAILURE
from daemon.config.diagnostics import Diagnostic


def print_json(document: object) -> None:
    print(json.dumps(document, indent=2, ensure_ascii=False))


def failed(line: str, format: str, *, message: str = "", code: int = FAILURE, **more: object) -> int:
    """Prints the reason to stderr, as JSON to stdout too where that was asked for; returns the exit code. ``message``
    is the reason where ``line`` says more than that; ``more`` stands beside it in the JSON."""
    print(line, file=sys.stderr)
    if format == "json":
        print_json({"error": {"message": message or line, **more}})
    return code


def not_valid(diagnostics: Iterable[Diagnostic], format: str) -> int:
    """The configuration is not valid: its diagnostics, and exit code 78."""
    shown = list(diagnostics)
    text = "\n".join(map(str, shown))
    views = [diagnostic_json(each) for each in shown]
    return failed(text, format, message="the configuration is not valid", code=CONFIG, diagnostics=views)


def diagnostic_json(diagnostic: Diagnostic) -> Mapping[str, object]:
    """One diagnostic, as in ``tppcd check --json``."""
    return {
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": diagnostic.message,
        "path": diagnostic.dotted,
        "source": diagnostic.source,
        "line": diagnostic.line,
        "column": diagnostic.column,
        "hint": diagnostic.hint,
    }
