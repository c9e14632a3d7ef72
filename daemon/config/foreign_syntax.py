"""Texts where a secret belongs that stand for one elsewhere: another program's reference syntax, or a placeholder.

``${FOX_KEY}``, ``$FOX_KEY`` (shells, compose), ``%FOX_KEY%`` (Windows), ``os.environ/FOX_KEY`` (LiteLLM),
``env.FOX_KEY`` (Bifrost), ``env::FOX_KEY`` (TensorZero), ``{env:FOX_KEY}`` (opencode), ``{{ env "FOX_KEY" }}``
(templates), ``op://…`` (1Password) … would be sent to the upstream as they stand: tppcd knows ``env:``, ``file:`` and
``credential:`` only.
"""

from __future__ import annotations

import re
from typing import Final

_WORD: Final = r"[A-Za-z_][A-Za-z0-9_]*"
_VARIABLES: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\$\{{\s*(?:env[:.])?({_WORD})(?:\s*:?[-=?+][^}}]*)?\s*\}}",  # ${X} ${X:-default} ${env:X} ${env.X}
        rf"\$\{{\{{\s*(?:secrets|env|vars)\.({_WORD})\s*\}}\}}",  # ${{ secrets.X }}
        rf"\$(?:env:)?({_WORD})",  # $X $env:X
        rf"%({_WORD})%",
        rf"!({_WORD})!",
        rf"(?:os\.)?environ(?:/|\.|\.get\(|\[)\s*[\"']?({_WORD})[\"']?\s*(?:,[^)]*)?[)\]]?",
        rf"(?:os\.)?getenv\(\s*[\"']?({_WORD})[\"']?\s*(?:,[^)]*)?\)",
        rf"(?:(?:process|import\.meta|deno)\.)?env(?:\.|::|/|\[|\.get\()\s*[\"']?({_WORD})[\"']?\s*[)\]]?",
        rf"env\s*\(\s*[\"']?({_WORD})[\"']?\s*(?:,[^)]*)?\)",
        rf"\{{\{{-?\s*(?:\.?env(?:ironment)?\b[\s.(]*|(?:lookup|secrets?|vars?)\b[\s.('\"env,]*|\.?Values\.)?"
        rf"\.?[\"']?({_WORD})[\"']?\)?\s*(?:\|[^}}]*)?-?\}}\}}",  # {{ env "X" }} {{ .Env.X }} {{ X | default }}
        rf"\{{\s*\$?(?:env[:.])?({_WORD})\s*\}}",  # {env:X} {env.X} {$X} {X}
        rf"(?:env|environment|variable|var)\s*[:=]\s*\$?\{{?({_WORD})\}}?",  # ENV:X, env=X
        rf"@env\s*[:.(/]?\s*({_WORD})\)?",
    )
)  # fmt: skip
"""How other programs name an environment variable; the group is its name."""
_FILES: Final = re.compile(
    r"(?:FILE|File|PATH|path|@file)\s*:\s*(?://)?([~./]?\S+)|file\s*=\s*(\S+)|@((?:~|\.{1,2})?/\S+)|"
    r"\{(?:file|path)[:.]\s*([^}]+)\}"
)
_COMMAND: Final = re.compile(r"\$\([^)]*\)|`[^`]*`|!\([^)]*\)|(?:cmd|command|exec|shell|helper)\s*:\s*\S.*")
_VAULT: Final = re.compile(
    r"(?:vault|op|secrets?|secret-?manager|keyring|keychain|keepass|pass|gopass|bw|bitwarden|doppler|infisical|sops|"
    r"aws-?sm|aws-?ssm|awssm|ssm|gcp-?sm|gsm|gcpsecretmanager|azure-?kv|azurekv|akv|azkv|kms|enc|k8s|lpass|1password|"
    r"azure-key-vault|aws-secrets-manager|google-secret-manager|hashicorp-vault)"
    r"(?:\.[a-z]+)?(?::|::|/)\S.*|ref\+[a-z0-9+]+://.*|arn:aws[a-z-]*:(?:secretsmanager|ssm|kms):.*|"
    r"projects/[^/]+/secrets/.*|ENC\[.*\]|!vault.*|credential[:=]\S.*|cred:\S.*",
    re.IGNORECASE,
)
_PLACEHOLDER: Final = re.compile(
    r"(?:(?:bearer|sk|pk|rk)[-_ ])?(?:(?:proj|ant|or|api\d*|v\d+|live|test)[-_])*(?:"
    r"<.*>|\[.*\]|[x*#?_.\-\u2022\u2026]{3,}|\u2026|"
    r".*\byour[-_ ].*|.*_your_.*|your(?:key|token|secret|password|apikey)?|"
    r"my[-_ ]?(?:api[-_ ]?)?(?:key|token)|"
    r"(?:please[-_ ])?(?:change|replace|fill|edit|insert|enter|put|paste|set|add)[-_ ]?"
    r"(?:me|this|it|in|here|with|by|your|the|api|before)(?:[-_ ].*)?|"
    r"(?:.*[-_ ])?here|.*place[-_ ]?holder.*|to[-_ ]?do|tbd|fix[-_ ]?me|undefined|redacted|masked)",
    re.IGNORECASE,
)
_CHINESE: Final = re.compile(
    r".*(?:\u4f60\u7684|\u60a8\u7684|\u5bc6\u94a5|\u66ff\u6362|\u586b\u5199|\u5728\u6b64|\u8bf7\u8f93\u5165).*"
)
"""Your, key, replace, fill in, here, please enter."""
_LONGEST: Final = 200
"""Characters of such a text; a longer one is no placeholder."""
VARIABLE: Final = "looks like a variable of another program, and would be used as it is"
PLACEHOLDER: Final = "looks like a placeholder"


def foreign_syntax(text: str) -> tuple[str, str]:
    """What a secret's text looks like, and what to write; empty texts where it looks like a secret. The second quotes
    a name in the text, so it is only for what is written in clear."""
    text = text.strip()
    if len(text) > _LONGEST:
        return "", ""
    for pattern in _VARIABLES:
        if match := pattern.fullmatch(text):
            return VARIABLE, f"write env:{match[1]}"
    if match := _FILES.fullmatch(text):
        return "looks like a reference of another program, and would be used as it is", f"write file:{_path(match)}"
    if _COMMAND.fullmatch(text):
        return "looks like a command, and would be used as it is", "write env:NAME or file:/path"
    if _VAULT.fullmatch(text):
        return (
            "looks like a reference to a secret store, and would be used as it is",
            "write env:NAME or file:/path, and have it filled from there",
        )
    if _PLACEHOLDER.fullmatch(text) or _CHINESE.fullmatch(text):
        return PLACEHOLDER, "write the key itself, or a reference such as env:NAME"
    return "", ""


def within(text: str) -> tuple[str, str]:
    """The same of the value of a header, which may have words before it: ``Bearer ${FOX_KEY}``."""
    found = foreign_syntax(text)
    scheme, _, rest = text.strip().partition(" ")
    if found[0] or scheme.lower() not in ("bearer", "basic", "token", "apikey"):
        return found
    if re.match(r"(?:env|file|credential):\S", rest):
        return (
            "a reference is the whole value, and this would be used as it is",
            f"write {rest}, and put {scheme} there",
        )
    message, hint = foreign_syntax(rest)
    return message, f"{hint}, and put {scheme} there" if hint.startswith("write env:") else hint


def _path(match: re.Match[str]) -> str:
    return next(each for each in match.groups() if each)
