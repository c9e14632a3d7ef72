"""The bodies in which makes write their errors. Each takes a problem and gives a JSON value, or a text.

Sources: the makes' documentation and public reports (2024 to 2026), named beside those that are not usual.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from daemon.simulate.faults import Problem

Envelope = Callable[[Problem], Any]
REQUEST_ID = "2026112818450000"


def openai(problem: Problem) -> Any:
    """OpenAI, DeepSeek, Qwen, Groq, and whoever copies them."""
    body = {"message": problem.message, "type": problem.type, "param": problem.param, "code": problem.code}
    return {"error": body}


def untyped(problem: Problem) -> Any:
    """Kimi: neither param nor code."""
    return {"error": {"message": problem.message, "type": problem.type}}


def azure(problem: Problem) -> Any:
    """Azure: the code first, and no type where the gateway in front refuses."""
    return {"error": {"code": problem.code or "BadRequest", "message": problem.message}}


def anthropic(problem: Problem) -> Any:
    body = {"type": problem.anthropic, "message": problem.message}
    return {"type": "error", "error": body, "request_id": "req_011CSimulated"}


def minimax(problem: Problem) -> Any:
    """MiniMax, on every API (DeepScientist#48, CodexPlusPlus#267)."""
    kind = "bad_request_error" if problem.type == "invalid_request_error" else problem.type
    body = {"type": kind, "message": problem.message, "http_code": problem.code or "400"}
    return {"type": "error", "error": body, "request_id": REQUEST_ID}


def glm(problem: Problem) -> Any:
    """Z.ai and Zhipu, on every API (hermes-agent#7475)."""
    return {"error": {"code": problem.code or "1210", "message": problem.message}, "request_id": REQUEST_ID}


def mistral(problem: Problem) -> Any:
    body = {"message": problem.message, "type": problem.type, "param": problem.param, "code": problem.code}
    return {"object": "error", **body}


def xai(problem: Problem) -> Any:
    """xAI: a sentence for the code, and the error as a text (eliza#2578)."""
    return {"code": problem.code or "Client specified an invalid argument", "error": problem.message}


def gemini(problem: Problem) -> Any:
    """Google: a list of one (paws#103)."""
    status = problem.code or "INVALID_ARGUMENT"
    number = {"NOT_FOUND": 404, "RESOURCE_EXHAUSTED": 429, "UNAVAILABLE": 503}.get(status, 400)
    return [{"error": {"code": number, "message": problem.message, "status": status}}]


def openrouter(problem: Problem) -> Any:
    """OpenRouter, of its own refusals."""
    code = int(problem.code) if problem.code and problem.code.isdecimal() else 400
    return {"error": {"message": problem.message, "code": code}, "user_id": "user_simulated"}


def openrouter_raw(problem: Problem) -> Any:
    """OpenRouter, of what the provider behind it refused (zed#64424)."""
    raw = {"raw": problem.message, "provider_name": "Simulated", "is_byok": False}
    return {"error": {"message": "Provider returned error", "code": 400, "metadata": raw}, "user_id": "user_simulated"}


def fireworks(problem: Problem) -> Any:
    code = problem.code or "invalid_request_error"
    return {"error": {"object": "error", "type": problem.type, "code": code, "message": problem.message}}


def vllm(problem: Problem) -> Any:
    """vLLM since 0.11."""
    kind = "BadRequestError" if problem.type == "invalid_request_error" else problem.type
    number = {"NotFoundError": 404}.get(kind, 400)
    return {"error": {"message": problem.message, "type": kind, "param": problem.param, "code": number}}


def bare(problem: Problem) -> Any:
    """SGLang, NIM, older vLLM: the error is the whole body."""
    kind = "BadRequestError" if problem.type == "invalid_request_error" else problem.type
    return {"object": "error", "message": problem.message, "type": kind, "param": None, "code": 400}


def titled(problem: Problem) -> Any:
    """NVIDIA's gateway: RFC 9457."""
    return {"status": int(problem.code or 400), "title": problem.type, "detail": problem.message}


def llama_cpp(problem: Problem) -> Any:
    kind = problem.type
    number = {"not_found_error": 404, "authentication_error": 401, "server_error": 500}.get(kind, 400)
    return {"error": {"code": number, "message": problem.message, "type": kind}}


def template(problem: Problem) -> Any:
    """llama.cpp, of a conversation that a model's template refuses."""
    place = "\n------------\nWhile executing CallExpression at line 189, column 32 in source:\n"
    return {"error": {"code": 500, "message": f"{place}Error: {problem.message}", "type": "server_error"}}


def text_error(problem: Problem) -> Any:
    """LM Studio, vLLM's gate."""
    return {"error": problem.message}


def volcano(problem: Problem) -> Any:
    """Volcano Engine (eino#107, volcengine-python-sdk#13): the request's id in the sentence."""
    kind = "BadRequest" if problem.type == "invalid_request_error" else problem.type
    message = f"{problem.message} Request id: 021741786566285e2dc8688e4f0b08b0"
    return {"error": {"code": problem.code or "InvalidParameter", "message": message, "param": "", "type": kind}}


def new_api(problem: Problem) -> Any:
    """new-api: the request's id in the sentence, which may be in Chinese."""
    message = f"{problem.message} (request id: {REQUEST_ID})"
    kind = "new_api_error" if problem.type == "invalid_request_error" else problem.type
    return {"error": {"message": message, "type": kind, "param": "", "code": problem.code or ""}}


def detail(problem: Problem) -> Any:
    """FastAPI, ChatGPT's backend."""
    return {"detail": problem.message}


def relay_title(problem: Problem) -> Any:
    """claude-relay-service: a title for the error, and a message beside it."""
    return {"error": problem.code or "Bad request", "message": problem.message}


def plain_text(problem: Problem) -> Any:
    """Ollama's and NVIDIA's routers, of a path that is none."""
    return problem.message
