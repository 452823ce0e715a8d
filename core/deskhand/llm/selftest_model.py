"""The project's own model of about 100 kB: random weights in Q8_0, made from nothing but its seed.

A llama.cpp whose matrix code was miscompiled dies of it, as it would of any quantized model, so a run of it
in a child process tells a sound build from a fatal one before a real model is loaded. Tests answer with it too.
"""

import hashlib
import re
import struct
from functools import cache
from typing import Final

from deskhand.llm.gguf import Tensor, Value, write

WIDTH: Final = 64
LAYERS: Final = 2
HEADS, SHARED_HEADS = 4, 2
INNER: Final = 128
CONTEXT: Final = 8192
CONTROL: Final = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
PAIRS: Final = re.findall("..", "theinheranreonatenndtiesorteofedisitalarsttontngsehaasouio")
CHAT: Final = (
    "{% for message in messages %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

_FLOAT32, _Q8_0 = 0, 8
_BLOCK: Final = 32
_SCALE: Final = 0.0007
_NORMAL_TOKEN, _CONTROL_TOKEN = 1, 3


@cache
def tiny_model() -> bytes:
    """Return the model's GGUF bytes, the same on every machine."""
    return write(_metadata(), _tensors())


def _metadata() -> dict[str, Value]:
    tokens = [*CONTROL, *_byte_letters(), *PAIRS]
    kinds = [_CONTROL_TOKEN] * len(CONTROL) + [_NORMAL_TOKEN] * (len(tokens) - len(CONTROL))
    return {
        "general.architecture": "llama",
        "general.name": "deskhand self-test",
        "general.file_type": 7,
        "llama.context_length": CONTEXT,
        "llama.embedding_length": WIDTH,
        "llama.block_count": LAYERS,
        "llama.feed_forward_length": INNER,
        "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": SHARED_HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": WIDTH // HEADS,
        "llama.vocab_size": len(tokens),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": kinds,
        "tokenizer.ggml.merges": [f"{pair[0]} {pair[1]}" for pair in PAIRS],
        "tokenizer.ggml.bos_token_id": 0,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": CHAT,
    }


def _byte_letters() -> list[str]:
    """Return the printable letter of each byte in GPT-2's byte-level vocabulary, in byte order."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    shifted = iter(range(256, 512))
    return [chr(byte if byte in printable else next(shifted)) for byte in range(256)]


def _tensors() -> list[Tensor]:
    vocabulary = len(CONTROL) + 256 + len(PAIRS)
    shared = WIDTH // HEADS * SHARED_HEADS
    tensors = [_weights("token_embd.weight", vocabulary, WIDTH), _ones("output_norm.weight")]
    for layer in range(LAYERS):
        name = f"blk.{layer}"
        tensors += [
            _ones(f"{name}.attn_norm.weight"),
            _weights(f"{name}.attn_q.weight", WIDTH, WIDTH),
            _weights(f"{name}.attn_k.weight", shared, WIDTH),
            _weights(f"{name}.attn_v.weight", shared, WIDTH),
            _weights(f"{name}.attn_output.weight", WIDTH, WIDTH),
            _ones(f"{name}.ffn_norm.weight"),
            _weights(f"{name}.ffn_gate.weight", INNER, WIDTH),
            _weights(f"{name}.ffn_up.weight", INNER, WIDTH),
            _weights(f"{name}.ffn_down.weight", WIDTH, INNER),
        ]
    return tensors


def _ones(name: str) -> Tensor:
    return Tensor(name, (WIDTH,), _FLOAT32, struct.pack(f"<{WIDTH}f", *[1.0] * WIDTH))


def _weights(name: str, rows: int, columns: int) -> Tensor:
    """Make Q8_0 blocks: one half-precision scale, then 32 signed bytes, which a hash of the name supplies."""
    quanta = hashlib.shake_256(name.encode()).digest(rows * columns)
    scale = struct.pack("<e", _SCALE)
    blocks = (scale + quanta[at : at + _BLOCK] for at in range(0, len(quanta), _BLOCK))
    return Tensor(name, (rows, columns), _Q8_0, b"".join(blocks))
