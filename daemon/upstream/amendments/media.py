"""The rules of every wire about media that a model cannot read: they become a line of text."""

from __future__ import annotations

from typing import Final

from daemon.upstream.amendments.rule import AmendmentRule, Sentences
from daemon.wires import media_text
from daemon.wires.table import WIRES

_ANY: Final = frozenset(WIRES)
_NOT_FORMATS: Final = r"(?![\w ]{0,8}(?:format|type|size|dimension|resolution|media|extension|too|urls?\b))"
_REFUSED: Final = (
    r"(?:is|are|was|were)? ?(?:currently )?(?:not |un|n't )(?:yet )?(?:supported|allowed|accepted|enabled|available)"
)
_CANNOT: Final = (
    r"(?:do(?:es)? not|doesn't|don't|cannot|can't|not|no longer) (?:support|accept|process|handle|read|take|see|have)"
)


def _of_kind(words: str, types: str, chinese: str) -> Sentences:
    """Sentences that refuse one kind of media. ``words`` and ``types`` are alternatives of a pattern."""
    return Sentences(
        rf"unknown variant ['\"`]?(?:{types})\b",  # serde: DeepSeek
        rf"(?:{words})s?{_NOT_FORMATS}(?:[ _-](?:input|content|data|upload|attachment|part|understanding)s?)*"
        rf" {_REFUSED}",
        rf"{_CANNOT} (?:[\w-]+ ){{0,3}}['\"`]?(?:{words})s?{_NOT_FORMATS}\b",
        rf"support (?:for )?(?:{words})s? ?(?:input|content)?s?[\w ]{{0,12}} (?:is )?(?:missing|disabled|not)",
        rf"(?:{types})\b['\"`]? (?:is|are) only supported by",  # OpenAI
        rf"(?:{types})\b['\"`]? {_REFUSED}",
        rf"(?:unsupported|invalid|unknown|unrecognized|unexpected) (?:(?:chat|message|content|input|part|block)[ _])"
        rf"{{0,4}}type:? ?['\"`]?(?:{types})\b",
        rf"(?:invalid (?:value|discriminator)|input tag|part type):? ['\"`](?:{types})['\"`]",
        rf"['\"`](?:{types})['\"`] is not one of",
        rf"(?:不支持|无法识别|不能识别|无法处理|不接受).{{0,8}}(?:{chinese})|(?:{chinese}).{{0,8}}(?:不支持|不被支持|未开通)",
    )


_IMAGES: Final = _of_kind(
    r"images?|vision|visual|picture|multi-?modal(?:ity)?",
    r"image_url|input_image|image|video_url|input_video",
    r"图片|图像|视觉|多模态",
) + Sentences(
    r"no endpoints found that support (?:image|vision|multimodal)",  # OpenRouter, MiMo: 404
    r"(?:not|isn't) (?:a )?(?:multi-?modal|vision)",  # vLLM: "… is not a multimodal model"
    r"provide the mmproj|missing data required for image",  # llama.cpp, Ollama
    r"at most 0 image",  # vLLM with a limit of none
    r"(?:requires?|use|need) a (?:vision|multi-?modal)",
    r"only supports? text\b[\w ,]{0,30}(?:not|no) image",
)
_LINKED: Final = Sentences(
    r"unsupported image[ _]url",  # Kimi
    r"(?:url-formatted|linked|remote|external|http) (?:images?|image urls?) (?:is|are) not "
    r"(?:supported|allowed|permitted)",
    r"image urls? (?:is|are) (?:not |un)(?:supported|allowed)",
    r"only (?:supports? )?(?:base64|data ur[il])[\w -]{0,30} (?:image|encod|is|are)",
)
_AUDIO: Final = _of_kind(r"audio|speech", r"input_audio|audio_url|audio", r"音频|语音")
_NO_TYPE_NAMED: Final = r"unsupported content\[\]\.type"  # llama.cpp, of whatever it does not know
_DOCUMENTS: Final = _of_kind(r"file|document|pdf", r"input_file|file_url|file|document", r"文件|文档") + Sentences(
    # Types that are taken, among them images, but no documents: LM Studio, vLLM, pydantic
    r"\btext['\"`]?(?:, ?| or | and | ?\| ?)['\"`]?(?:input_)?image(?:_url)?\b"
    r"(?![\w ,|'\"`]{0,120}['\"`](?:input_)?(?:file|document)\b)",
    _NO_TYPE_NAMED,
)
_TEXT_ONLY: Final = Sentences(
    r"取值范围 ?[\[(【\s'\"\\]*text\b['\"`]?(?!,)",  # GLM: messages.content.type 参数非法，取值范围 ['text']
    _NO_TYPE_NAMED,
    r"(?:supported|valid|allowed|accepted|expected|permitted) (?:values?|types?|tags?)(?: are| is)?:? ?[\['\"`]{0,2}"
    r"text['\"`]?\]?(?=\.|\Z)",
    r"(?:only|just) (?:supports?|accepts?|allows?|takes?) (?:plain )?['\"`]?text['\"`]?\b(?! generation)",
    r"only ['\"`]?text['\"`]?(?: (?:content|inputs?|parts?|types?|messages?|blocks?)){0,3} (?:is|are) (?:currently )?"
    r"(?:supported|allowed|accepted|permitted)",
    r"input should be ['\"`]text['\"`](?!,| or)",  # pydantic: tinker, TRT
    r"(?:content|part)[\w .\[\]'\"`]{0,24}type['\"`]? (?:must|should) be ['\"`]?text\b",
    r"content['\"`]?(?: field)?s? (?:must|should|has to) be (?:a )?(?:valid |plain )?(?:string|text)\b(?! or)",  # Groq
    r"content['\"`]? : value must be a string",
    r"text-only model|model is text[- ]only|纯文本模型|仅支持文本|只支持文本",
)

RULES: Final[tuple[AmendmentRule, ...]] = (
    AmendmentRule(
        name="images are text",
        wires=_ANY,
        change=media_text.images_as_text,
        refusals=_IMAGES,
        loses_content=True,
    ),
    AmendmentRule(
        name="linked images are text",
        wires=_ANY,
        change=media_text.linked_images_as_text,
        refusals=_LINKED,
        loses_content=True,
    ),
    AmendmentRule(
        name="audio is text",
        wires=_ANY,
        change=media_text.audio_as_text,
        refusals=_AUDIO,
        loses_content=True,
    ),
    AmendmentRule(
        name="documents are text",
        wires=_ANY,
        change=media_text.documents_as_text,
        refusals=_DOCUMENTS,
        loses_content=True,
    ),
    AmendmentRule(
        name="nothing but text",
        wires=_ANY,
        change=media_text.media_as_text,
        refusals=_TEXT_ONLY,
        loses_content=True,
    ),
)
