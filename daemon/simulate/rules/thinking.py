"""Whether a request wants no thinking, in any of the forms that makes have for it."""

from __future__ import annotations

from daemon.simulate.conversation import Json


def is_off(body: Json) -> bool:
    """Whether ``body`` says not to think."""
    template = body.get("chat_template_kwargs") or {}
    reasoning = body.get("reasoning") or {}
    return (
        (body.get("thinking") or {}).get("type") == "disabled"
        or body.get("enable_thinking") is False
        or template.get("enable_thinking", template.get("thinking")) is False
        or body.get("reasoning_effort") == "none"
        or reasoning.get("enabled") is False
        or reasoning.get("effort") == "none"
    )
