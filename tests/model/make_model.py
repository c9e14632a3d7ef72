"""Writes two models of random weights, with a tokenizer trained on the spot, for a server to load.

    python make_model.py FOLDER [TEXT …]    makes FOLDER/llama and FOLDER/gpt2; the TEXTs are what the tokenizer reads

``llama`` has rotary positions: no prompt is too long for it. ``gpt2`` has learned ones, 256 of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

END = "<|end|>"
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {{ message['content'] }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}"
)


def make_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """ASCII alone, so that every token is text by itself and none is half a character."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=2048, special_tokens=[END], show_progress=False)
    tokenizer.train_from_iterator([text.encode("ascii", "ignore").decode() for text in texts], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=END, chat_template=TEMPLATE, model_max_length=131_072
    )


def main(folder: Path, texts: list[Path]) -> None:
    torch.manual_seed(1)
    tokenizer = make_tokenizer([path.read_text("utf-8") for path in texts])
    # At least 16 tokens; beyond 24 the end becomes likelier with each, so that no answer meets the client's limit.
    generation = GenerationConfig(
        do_sample=True, min_new_tokens=16, exponential_decay_length_penalty=(24, 1.5), eos_token_id=0, pad_token_id=0
    )
    common = {"vocab_size": len(tokenizer), "eos_token_id": 0, "pad_token_id": 0, "bos_token_id": None}
    llama = LlamaForCausalLM(
        LlamaConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=131_072,
            **common,
        )
    )
    gpt2 = GPT2LMHeadModel(GPT2Config(n_positions=256, n_embd=32, n_layer=1, n_head=2, **common))
    for name, model in (("llama", llama), ("gpt2", gpt2)):
        model.generation_config = generation
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(each) for each in sys.argv[2:]])
