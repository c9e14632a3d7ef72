"""Rules for the URLs of providers: what requests cannot be sent to, and what would be sent elsewhere than it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from daemon.config.diagnostics import Fault, Faults, Path
from daemon.config.rules_secrets import literal_hint
from daemon.config.schema import WireApi
from daemon.config.urls import has_user, http_fault, proxy_fault

ENDPOINTS: Final[Mapping[str, WireApi]] = {
    "/responses": "responses",
    "/chat/completions": "chat",
    "/messages": "messages",
}
"""How the path of a wire's requests ends."""


def base_url(path: Path, url: str, wire: WireApi, invalid: str, *, only_wire: bool = False) -> Faults:
    """``invalid`` is the sentence for a URL that is none; ``only_wire``: there is no other one to choose."""
    if fault := http_fault(url):
        yield Fault(path=path, code="url", message=invalid, hint=fault, literal_hint=literal_hint(url))
        return
    if has_user(url):
        message = "the user name and password in this URL are not sent"
        hint = "remove them; the key has its own field"
        yield Fault(path=path, code="url-user", message=message, hint=hint, severity="warning")
    steps = urlsplit(url.strip()).path.rstrip("/")
    end, written = next(((end, each) for end, each in ENDPOINTS.items() if steps.endswith(end)), ("", wire))
    if written != wire:
        own = next(each for each, name in ENDPOINTS.items() if name == wire)
        message = f"ends in {end}, and requests will go to {own} in its place"
        hint = "add it to tppc.providers" if only_wire else f"did you mean wire-api: {written}?"
        hint = f"{hint} with wire-api: {written}, or remove {end}" if only_wire else f"{hint} Or remove {end}"
        yield Fault(path=path, code="other-wire", message=message, hint=hint, severity="warning")


def proxy_url(path: Path, url: str, message: str) -> Faults:
    if fault := proxy_fault(url):
        yield Fault(path=path, code="url", message=message, hint=fault, literal_hint=literal_hint(url))
