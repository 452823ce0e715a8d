"""Automations and overlays as YAML: read strictly, with the line and the fix of whatever is wrong; written readably."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, TypeVar

import yaml
from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from deskhand.automation.document import Automation

MOST_CHARACTERS = 64_000
DEEPEST = 12
WIDTH = 110

Place: TypeAlias = tuple[str | int, ...]
"""The keys that lead to a value, outermost first."""
M = TypeVar("M", bound=BaseModel)

_VERSION = re.compile(r"^version:[ \t]*[0-9]+[ \t]*$", re.MULTILINE)
_MAPPING: TypeAdapter[Mapping[str, JsonValue]] = TypeAdapter(Mapping[str, JsonValue])
_SECTIONS: Mapping[str, str] = {
    "match": "Which tickets it is for. Every part must hold; words are as tickets write them, `*` ends a beginning.",
    "preconditions": "What must hold, or nothing is planned.",
    "parameters": "What differs from ticket to ticket, and the one place each value may come from.",
    "steps": "What is done, in this order. A step is given parameters, constants, earlier results or answers.",
    "flow": "In what order, on which conditions and with what waits the steps are done.",
    "on_failure": "What becomes of what was done when a step fails: it stays (stop), or what can be undone is (undo).",
    "approval": "Who approves a run that somebody asks for, and how long that counts. Never the one who asked.",
}


class YamlRefusedError(ValueError):
    """A text that is not the document it should be; ``problems`` are for people, each with its line and its fix."""

    def __init__(self, problems: Sequence["Problem"]) -> None:
        """Word the message from the problems."""
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a text. Lines count from 1; 0 is the whole of it."""

    line: int
    path: str
    text: str

    def __str__(self) -> str:
        """Word it for people."""
        where = f"line {self.line}" if self.line else "the document"
        return f"{where}, {self.path}: {self.text}" if self.path else f"{where}: {self.text}"


def load(text: str) -> Automation:
    """Read an automation. Raises YamlRefusedError."""
    return read(text, Automation)


def read(text: str, kind: type[M]) -> M:
    """Read a document of a kind. Raises YamlRefusedError, for whatever text."""
    root = _composed(text)
    lines: dict[Place, int] = {}
    value = _value(root, (), lines)
    if not isinstance(value, dict):
        raise YamlRefusedError([Problem(1, "", "write `name: value` lines, one for each part of the document")])
    try:
        return kind.model_validate_json(json.dumps(value))
    except ValidationError as error:
        raise YamlRefusedError(list(_problems(error, lines))) from error


def dump(document: Automation) -> str:
    """Write an automation so that `load` returns it again; the same document always gives the same text."""
    return written(document, _SECTIONS)


def written(document: BaseModel, sections: Mapping[str, str] | None = None) -> str:
    """Write a document with a comment above each section that has one; defaults are left out."""
    values = _MAPPING.validate_json(document.model_dump_json(exclude_defaults=True))
    return "\n".join(_section(name, value, (sections or {}).get(name)) for name, value in values.items())


def with_version(text: str, version: int) -> str:
    """Return the text with another version number; the rest, comments too, stays as it was written."""
    return _VERSION.sub(f"version: {version}", text, count=1)


def _section(name: str, value: JsonValue, comment: str | None) -> str:
    text = yaml.dump(_Section({name: value}), Dumper=_Writer, sort_keys=False, allow_unicode=True, width=WIDTH)
    return f"\n# {comment}\n{text}".rstrip("\n") if comment else text.rstrip("\n")


class _Writer(yaml.SafeDumper):
    """Indents lists under their key; plain lists and single entries stand on one line, prose on lines of its own."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: FBT001, FBT002  # yaml's signature
        del indentless
        super().increase_indent(flow, indentless=False)


class _Section(dict[str, JsonValue]):
    """A named part of the document, always on lines of its own."""


def _write_section(writer: yaml.SafeDumper, section: _Section) -> yaml.Node:
    return writer.represent_mapping("tag:yaml.org,2002:map", section, flow_style=False)


def _write_mapping(writer: yaml.SafeDumper, mapping: dict[str, JsonValue]) -> yaml.Node:
    is_single = len(mapping) == 1 and all(map(_is_plain, mapping.values()))
    return writer.represent_mapping("tag:yaml.org,2002:map", mapping, flow_style=is_single)


def _write_list(writer: yaml.SafeDumper, values: list[JsonValue]) -> yaml.Node:
    return writer.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=all(map(_is_plain, values)))


def _write_text(writer: yaml.SafeDumper, text: str) -> yaml.Node:
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


def _is_plain(value: JsonValue) -> bool:
    return value is None or (isinstance(value, str | int | float) and "\n" not in str(value))


_Writer.add_representer(_Section, _write_section)
_Writer.add_representer(dict, _write_mapping)
_Writer.add_representer(list, _write_list)
_Writer.add_representer(str, _write_text)


class _Reader(yaml.SafeLoader):
    """YAML in which only true, false, null and plain numbers are anything but words: `no` and `18:30` are words."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]  # so it is in yaml


for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", ["n", "~", ""]),
    ("int", r"-?(?:0|[1-9][0-9]{0,17})", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)\.[0-9]+(?:e[-+][0-9]+)?", "-0123456789"),
):
    _Reader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first))


def _composed(text: str) -> yaml.Node:
    if len(text) > MOST_CHARACTERS:
        raise YamlRefusedError([Problem(0, "", f"it is longer than {MOST_CHARACTERS:,} characters: shorten it")])
    try:
        _refuse_tricks(text)
        node = yaml.compose(text, Loader=_Reader)
    except yaml.YAMLError as error:
        raise YamlRefusedError([_syntax_problem(error)]) from error
    if node is None:
        raise YamlRefusedError([Problem(0, "", "it is empty; `deskhand automation schema` says what belongs in it")])
    return node


def _refuse_tricks(text: str) -> None:
    """Refuse what a reader may do with a text before there is a document: references, tags, depth, more than one."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=_Reader):
        line = _line(event.start_mark)
        documents += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise YamlRefusedError([Problem(line, "", "`&` and `*` references are not read: write the value out")])
        if getattr(event, "tag", None) is not None:
            raise YamlRefusedError([Problem(line, "", "`!` tags are not read: write the value plainly")])
        if depth > DEEPEST:
            raise YamlRefusedError([Problem(line, "", f"nested deeper than {DEEPEST} levels: nothing here is so deep")])
        if documents > 1:
            raise YamlRefusedError([Problem(line, "", "a second document begins: one file, one document")])


def _syntax_problem(error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "a character that YAML does not allow"
    fix = "check the indentation (spaces, no tabs) and put quotes around words with `:`, `?` or `#` in them"
    return Problem(_line(mark), "", f"this is no YAML: {problem}; {fix}")


def _line(mark: Any) -> int:  # noqa: ANN401  # one of yaml's two kinds of marks, or none
    return int(mark.line) + 1 if mark else 0


def _value(node: yaml.Node, place: Place, lines: dict[Place, int]) -> JsonValue:
    """Turn nodes into values, and remember the line of each."""
    lines[place] = _line(node.start_mark)
    if isinstance(node, yaml.SequenceNode):
        return [_value(each, (*place, number), lines) for number, each in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        return {key: _value(value, (*place, key), lines) for key, value in _entries(node)}
    return _scalar(node)


def _entries(node: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node]]:
    seen: set[str] = set()
    for key, value in node.value:
        line = _line(key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            raise YamlRefusedError([Problem(line, "", "a name must be a plain word")])
        if key.value in seen:
            raise YamlRefusedError([Problem(line, str(key.value), "this name is there twice: remove one of them")])
        seen.add(key.value)
        yield str(key.value), value


def _scalar(node: yaml.Node) -> JsonValue:
    kind = node.tag.rpartition(":")[2]
    text = str(node.value)
    if kind == "null":
        return None
    if kind == "bool":
        return text == "true"
    if kind == "int":
        return int(text)
    return float(text) if kind == "float" else text


def _problems(error: ValidationError, lines: Mapping[Place, int]) -> Iterator[Problem]:
    for each in error.errors(include_url=False, include_input=False):
        place: Place = each["loc"]
        line = next(lines[place[:size]] for size in range(len(place), -1, -1) if place[:size] in lines)
        yield Problem(line, ".".join(map(str, place)), _worded(each["type"], each["msg"]))


def _worded(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "there is no such name here: correct or remove it"
    if kind == "missing":
        return "this is missing: add it"
    if kind == "string_pattern_mismatch":
        return f"this is not written as it must be: {message.rpartition(' pattern ')[2]}"
    return message.removeprefix("Value error, ")
