"""The one reader of error bodies: any shape in which servers and relays say that something failed.

    HTTP error      failure_of_answer ─┐
    JSON, an event  failure_of         ┴─▶ Failure   (judged by ``judge``)

Shapes (source): ``{"error": {…}}``; ``error`` as text or ``true`` with ``message`` beside it
(claude-relay-service); a list of one (Gemini); ``message``, ``msg``, ``detail`` at the top (vLLM, Mistral,
FastAPI, the ChatGPT backend); ``errors[0]`` (Cloudflare); ``base_resp`` (MiniMax); ``metadata.raw``
(OpenRouter); a wrapper ``{code, msg, data}``; the same inside a string, or framed as an event stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from daemon.errors import Failure, RemoteError, Scope
from daemon.wires.failures.page import is_firewall, is_page, limit_in, one_line, page_of, target_of, title_of
from daemon.wires.failures.retry_after import wait_of
from daemon.wires.json import NOT_JSON
from daemon.wires.sse import SseSplitter

Json = dict[str, object]

_SHOWN, _SHOWN_RAW = 2000, 300
"""Characters of a sentence, and of a body in which none was found."""
_BLANK = "\ufeff \t\r\n\v\f\x00"
_DEPTH = 6
_TEXTS = (
    "message",
    "msg",
    "error_msg",
    "error_message",
    "errmsg",
    "err_msg",
    "status_msg",
    "detail",
    "reason",
    "title",
)
_CODES = ("code", "error_code", "err_code", "errcode", "status_code")
_HARMLESS = frozenset({"", "ok", "success", "succeeded", "null", "none"})
_GENERIC = re.compile(
    r"\W*(?:provider returned error|upstream (?:request )?(?:failed|error)|upstream_error|openai_error|new_api_error"
    r"|error|internal(?: server)? error|bad[_ ]response[_ ]status[_ ]code(?: \d+)?"
    r"|request failed(?: with status code \d+)?|error code: \d+|status[_ ]code[=: ]\d+|\d{3}(?: [a-z ]{2,30})?)?\W*",
    re.IGNORECASE,
)
"""Sentences that say nothing where there is another."""
_IDENTIFIER = re.compile(r"[\w.:-]{2,64}")


def failure_of_answer(
    status: int, headers: Mapping[str, str], body: bytes, *, not_found: Scope = Scope.REQUEST
) -> Failure:
    """An HTTP answer that is not a success, or not the JSON that was asked for. ``headers`` are lower-case."""
    text = body.decode("utf-8", "replace").strip(_BLANK)
    if page := page_of(status, text):
        return Failure(status=status, page=page)
    if is_page(text):
        return _page(status, headers, text)
    value = _json(text)
    if value is None:
        value = _framed(text.encode())
    if 300 <= status < 400 or (not text and status < 400):
        return _page(status, headers, "")
    if value is None:
        firewall = is_firewall(text, headers)
        line = one_line(text, _SHOWN_RAW)
        wait = wait_of((), headers, text[:_SHOWN])
        return Failure(
            status=status,
            message=line,
            retry_after=wait.seconds,
            resets_at=wait.resets_at,
            should_retry=_should_retry(headers),
            not_found=not_found,
            firewall=firewall,
            page="an answer that is not JSON" if status < 400 else "",
        )
    return failure_of(value, status=status, headers=headers, not_found=not_found)


def failure_of(
    value: object,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    not_found: Scope = Scope.REQUEST,
) -> Failure:
    """An error object, or the whole JSON value that holds one. ``status`` None: it came with, or inside, a 200."""
    headers = headers or {}
    objects = list(_objects(value, _DEPTH))
    message = _message(objects) or (value if isinstance(value, str) else "")
    code = next((word for each in objects if (word := _code(each))), None)
    type_ = next((word for each in objects if (word := _type(each))), None)
    wait = wait_of(objects, headers, message[:_SHOWN])
    beside = _heading(objects)
    if type_ is None and _IDENTIFIER.fullmatch(beside):
        type_, beside = beside, ""
    param = _first_word(objects, "param")
    return Failure(
        status=_status(objects, code, param, status),
        code=code,
        type=type_,
        param=None if param is not None and param.isdecimal() else param,
        message=message[:_SHOWN] if message else _raw(value, objects),
        beside=beside if beside != message else "",
        plan_type=_first_word(objects, "plan_type"),
        retry_after=wait.seconds,
        resets_at=wait.resets_at,
        should_retry=_should_retry(headers),
        not_found=not_found,
        firewall="cf-mitigated" in headers,
    )


def is_failure(value: object) -> bool:
    """Whether a JSON value that should have been an answer, or an event of one, is an error instead."""
    if isinstance(value, list):
        return bool(value) and isinstance(value[0], dict) and bool(value[0].get("error"))
    if not isinstance(value, dict) or value.get("choices") or value.get("output"):
        return False
    base = value.get("base_resp")
    if isinstance(base, dict) and base.get("status_code") not in (None, 0, "0"):
        return True
    if value.get("error") or value.get("errors") or value.get("detail") or value.get("success") is False:
        return True
    return value.get("object") == "error" or (bool(_text(value)) and bool(_code(value) or _status_in(value)))


# --- what is not JSON ------------------------------------------------------------------------------


def _page(status: int, headers: Mapping[str, str], text: str) -> Failure:
    """``message`` is the title, or where a redirect points; what it means for the provider is said by the judge."""
    target = target_of(headers.get("location", "")) if 300 <= status < 400 else ""
    limit = limit_in(text)
    wait = wait_of((), headers, "")
    walled = is_firewall(text, headers) or (status == 403 and bool(text))
    page = "an HTML page" if text else "an empty answer"
    if target:
        page = "a redirect"
    return Failure(
        status=status,
        message=target or title_of(text),
        beside=limit,
        retry_after=wait.seconds,
        should_retry=_should_retry(headers),
        firewall=walled and not limit,
        page=page,
    )


def _framed(body: bytes) -> object:
    """The first JSON value of a body that is framed as an event stream; None where it is not."""
    if not body[:6].startswith((b"data:", b"event:", b"id:", b":")):
        return None
    splitter = SseSplitter()
    try:
        payloads = splitter.feed(body) + splitter.close()
    except RemoteError:
        return None
    values = (_json(payload.decode("utf-8", "replace")) for payload in payloads)
    return next((value for value in values if isinstance(value, dict | list)), None)


def _json(text: str) -> object:
    """A JSON object or list; None for anything else."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        value: object = msgspec.json.decode(text)
    except NOT_JSON:
        return None
    return value


# --- where the words are ---------------------------------------------------------------------------


def _objects(value: object, depth: int) -> Iterator[Json]:
    """The objects that describe the error, the innermost first: it knows best."""
    if depth == 0:
        return
    if isinstance(value, str):
        value = _inside(value)
    if isinstance(value, list):
        value = next((each for each in value if isinstance(each, dict)), None)
    if not isinstance(value, dict):
        return
    for name in ("error", "errors", "response", "data", "base_resp", "detail"):
        inner = value.get(name)
        listed = isinstance(inner, list) and name != "detail"  # FastAPI's items are read with their places
        if listed or (isinstance(inner, str | dict) and (name != "response" or "error" in inner)):
            yield from _objects(inner, depth - 1)
    text = _text(value)
    raw = _raw_of(value, text)
    if raw:
        yield from list(_objects(raw, depth - 1)) or [{"message": str(raw)}]
    elif text and _inside(text) is not None:
        yield from _objects(text, depth - 1)
    yield value


def _raw_of(value: Json, text: str) -> object:
    """OpenRouter: what the provider said, beside a sentence that says nothing. new-api puts ``metadata`` itself
    behind that sentence."""
    metadata = value if "provider_name" in value else value.get("metadata")
    return metadata.get("raw") if isinstance(metadata, dict) and _is_generic(text) else None


def _inside(text: str) -> object:
    """The JSON that a sentence is, or ends with behind a lead such as "status_code=400, ": None without any."""
    start = min((at for at in (text.find("{"), text.find("[{")) if at >= 0), default=-1)
    if start < 0 or start > 120:
        return None
    end = max(text.rfind("}"), text.rfind("]"))
    return _json(text[start : end + 1])


def _message(objects: list[Json]) -> str:
    """The first sentence that says something; of generic ones the first."""
    texts = [text for each in objects for text in (_text(each), _error_text(each)) if text]
    texts = [text for text in texts if _inside(text) is None] or texts
    specific = next((text for text in texts if not _is_generic(text)), None)
    return specific or next((text for text in texts if text.lower() not in _HARMLESS), "")


def _is_generic(text: str) -> bool:
    return len(text) <= 80 and _GENERIC.fullmatch(text) is not None


def _text(value: Mapping[str, object]) -> str:
    for name in _TEXTS:
        text = value.get(name)
        if isinstance(text, str) and text.strip().lower() not in _HARMLESS:
            return text.strip()
        if name == "detail" and isinstance(text, list):
            items = [_validation(each) for each in text[:3]]
            if any(items):
                return "; ".join(filter(None, items))
    return ""


def _validation(item: object) -> str:
    """FastAPI: ``{"loc": ["body", "input"], "msg": "Field required"}``."""
    if not isinstance(item, dict):
        return item if isinstance(item, str) else ""
    place = item.get("loc")
    where = ".".join(str(each) for each in place) if isinstance(place, list) else ""
    text = _text(item)
    return f"{where}: {text}" if where and text else text


def _error_text(value: Mapping[str, object]) -> str:
    error = value.get("error")
    if isinstance(error, str):
        return error.strip()
    errors = value.get("errors")
    return errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], str) else ""


def _heading(objects: list[Json]) -> str:
    """The text of ``error`` where a ``message`` stands beside it: "Client not allowed"."""
    return next((text for each in objects if _text(each) and (text := _error_text(each))), "")


def _code(value: Mapping[str, object]) -> str | None:
    """As text; a number that is an HTTP status, or says that all is well, is no code."""
    for name in _CODES:
        code = value.get(name)
        if isinstance(code, str) and code.strip().lower() not in _HARMLESS and not _is_plain(code):
            return code.strip()
        if isinstance(code, int) and not isinstance(code, bool) and not _is_plain(str(code)):
            return str(code)
    return None


def _is_plain(code: str) -> bool:
    return code.isdecimal() and (not code.strip("0") or (len(code) == 3 and 200 <= int(code) <= 599))


def _type(value: Mapping[str, object]) -> str | None:
    for name in ("type", "status"):
        word = value.get(name)
        if isinstance(word, str) and word not in ("", "error", "failed", "response.failed") and not word.isdigit():
            return word
    return None


def _first_word(objects: list[Json], name: str) -> str | None:
    words = (each.get(name) for each in objects)
    return next((word for word in words if isinstance(word, str) and word), None)


def _status(objects: list[Json], code: str | None, param: str | None, status: int | None) -> int | None:
    """The true status: new-api hides it in ``param``, a 200 has it inside."""
    if param is not None and code == "bad_response_status_code" and _is_failed(param):
        return int(param)
    if status is not None and status >= 400:
        return status
    return next((inner for each in objects if (inner := _status_in(each))), None)


def _status_in(value: Mapping[str, object]) -> int | None:
    for name in ("status", "status_code", "code", "http_status"):
        status = value.get(name)
        if isinstance(status, str | int) and not isinstance(status, bool) and _is_failed(str(status)):
            return int(status)
    return None


def _is_failed(status: str) -> bool:
    return len(status) == 3 and status.isdecimal() and 400 <= int(status) <= 599


def _raw(value: object, objects: list[Json]) -> str:
    """The innermost object itself, cut short, where no sentence was found."""
    shown = objects[0] if objects else value
    if isinstance(shown, dict):
        shown = {name: field for name, field in shown.items() if field not in (None, "", "error", {}, [])}
    return one_line(msgspec.json.encode(shown).decode(), _SHOWN_RAW) if shown else ""


def _should_retry(headers: Mapping[str, str]) -> bool | None:
    word = headers.get("x-should-retry")
    return None if word is None else word == "true"
