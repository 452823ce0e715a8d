"""The prompt as tokens: ours may steer the model, the ticket's may not, and a long ticket loses its middle.

Instructions, ticket and labels are tokenised as plain text, so that ``<|im_end|>`` in a ticket is seven
characters and never a command; only the pieces of the model's own chat template become control tokens.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import llama_cpp as llama

from deskhand.llm.worker.fence import CLOSING, LEFT_OUT, OPENING, fenced
from deskhand.llm.worker.model import Model, ModelError

_INSTRUCTIONS: Final = "@INSTRUCTIONS@"
_TEXT: Final = "@TEXT@"
_PLAIN: Final = f"### Instructions\n{_INSTRUCTIONS}\n\n### Ticket\n{_TEXT}\n\n### Answer\n"
_LARGEST_TEMPLATE: Final = 8192


@dataclass(frozen=True, slots=True)
class Frame:
    """A chat template cut at its two holes: what stands before, between and after them, as tokens."""

    before: tuple[int, ...]
    between: tuple[int, ...]
    after: tuple[int, ...]


class Prompter:
    """Builds prompts for one model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        rendered = _rendered(model.chat_template())
        before, rest = rendered.split(_INSTRUCTIONS, 1)
        between, after = rest.split(_TEXT, 1)
        self._frame = Frame(
            (*model.beginning(), *model.tokenise(before, special=True)),
            tuple(model.tokenise(between, special=True)),
            tuple(model.tokenise(after, special=True)),
        )
        template = {*self._frame.before, *self._frame.between, *self._frame.after}
        self._steering = {token for token in template if model.is_atomic(token)}

    def prefix(self, instructions: str) -> list[int]:
        """Return the tokens that are the same for every ticket."""
        return [*self._frame.before, *self.plain(instructions), *self._frame.between, *self.plain(OPENING)]

    def tail(self) -> list[int]:
        """Return the tokens between the ticket's text and the model's answer."""
        return [*self.plain(CLOSING), *self._frame.after]

    def length(self, text: str) -> int:
        """Return the tokens that a ticket's whole text takes."""
        return len(self.plain(fenced(text)))

    def body(self, text: str, room: int) -> tuple[list[int], int]:
        """Return a ticket's tokens, at most ``room``, and how many were cut out of its middle."""
        tokens = self.plain(fenced(text))
        if len(tokens) <= room:
            return tokens, 0
        mark = self.plain(LEFT_OUT)
        keep = room - len(mark)
        if keep < len(mark):
            raise ModelError(
                f"instructions and labels leave {max(0, room)} tokens for text; shorten them or raise context_tokens"
            )
        head = keep * 3 // 5
        return [*tokens[:head], *mark, *tokens[len(tokens) - (keep - head) :]], len(tokens) - keep

    def plain(self, text: str) -> list[int]:
        """Tokenise text that must not steer: a control token that gets through all the same is spelled out."""
        tokens = self._model.tokenise(text)
        if not any(self._steers(token) for token in tokens):
            return tokens
        return [part for token in tokens for part in (self._spelled(token) if self._steers(token) else [token])]

    def _steers(self, token: int) -> bool:
        return token in self._steering or self._model.is_control(token)

    def _spelled(self, token: int) -> list[int]:
        letters = self._model.piece(token).decode("utf-8", "replace")
        tokens = [part for letter in letters for part in self._model.tokenise(letter)]
        return [part for part in tokens if not self._steers(part)]


def _rendered(template: bytes | None) -> str:
    """Return the chat with two holes in it; a template llama.cpp does not know gives plain headings."""
    messages = (llama.llama_chat_message * 2)(
        llama.llama_chat_message(role=b"system", content=_INSTRUCTIONS.encode()),
        llama.llama_chat_message(role=b"user", content=_TEXT.encode()),
    )
    buffer = ctypes.create_string_buffer(_LARGEST_TEMPLATE)
    length = 0
    if template:
        length = llama.llama_chat_apply_template(template, messages, 2, True, buffer, len(buffer))  # noqa: FBT003
    rendered = buffer.raw[:length].decode("utf-8", "replace") if 0 < length <= len(buffer) else _PLAIN
    return rendered if _has_holes(rendered) else _PLAIN


def _has_holes(rendered: str) -> bool:
    holes: Sequence[str] = (_INSTRUCTIONS, _TEXT)
    return all(rendered.count(hole) == 1 for hole in holes) and rendered.index(holes[0]) < rendered.index(holes[1])
