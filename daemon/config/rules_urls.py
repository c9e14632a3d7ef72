"""Rules for the URLs of providers: what requests cannot be sent to, and what would be sent elsewhere than it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from daemon.config.diagnostics import Fault, Faults, Path
from daemon.config.rules_secrets import literal_hint
from daemon.config.schema import WireApi
from daemon.config.urls import has_user, http_fault, is_place, proxy_fault, same_origin, shown

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


def balance_url(path: Path, url: str, base: str) -> Faults:
    """The key goes there, so it must be where the key goes anyway."""
    address, _, place = url.strip().partition("#")
    if not address and not place:
        return
    if fault := http_fault(address):
        message = "must be a valid http(s) URL"
        yield Fault(path=path, code="url", message=message, hint=fault, literal_hint=literal_hint(url))
    elif has_user(address):
        message, hint = "has a user name or password", "remove them; the provider's key is sent"
        yield Fault(path=path, code="url-user", message=message, hint=hint)
    elif not http_fault(base) and not same_origin(address, base):
        message = "is not on the host of base-url, and the provider's key goes to no other one"
        yield Fault(path=path, code="other-host", message=message, hint=f"write an address at {shown(base)}")
    if not is_place(place):
        message, hint = "has no way to a number behind #", "write names with dots between them, e.g. #data.balance"
        yield Fault(path=path, code="wrong-value", message=message, hint=hint)


def proxy_url(path: Path, url: str, message: str) -> Faults:
    if fault := proxy_fault(url):
        yield Fault(path=path, code="url", message=message, hint=fault, literal_hint=literal_hint(url))
