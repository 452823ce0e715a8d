import base64
import html
import json
import logging
import random
import secrets
import sqlite3
import string
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from deskhand.governance.leaks.files import leaks_in
from deskhand.governance.leaks.forms import forms
from deskhand.governance.leaks.log import RedactingFormatter, RedactingProcessor
from deskhand.governance.leaks.scanner import LeakError, LeakScanner

Encode = Callable[[str], str]
ENCODINGS: dict[str, Encode] = {
    "plain": str,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "url": lambda text: quote(text, safe=""),
    "reversed": lambda text: text[::-1],
}
VALUE = "-".join(["hush"] * 2) + ' Grüße & <more> "quoted"'
FILLER = string.ascii_letters + string.digits + string.punctuation + " \n"


def scanner(*values: str) -> LeakScanner:
    return LeakScanner({f"secret {number}": SecretStr(value) for number, value in enumerate(values)})


def test_a_thousand_planted_secrets_are_found_in_five_encodings() -> None:
    chance = random.Random(4)  # the same plants every time
    made = [secrets.token_urlsafe(chance.randrange(12, 48)) for _ in range(200)]
    made += ["".join(chance.choices(FILLER[:-2], k=chance.randrange(8, 40))) for _ in range(200)]
    known = scanner(*made)
    missed = []
    for number in range(1000):
        name, encode = list(ENCODINGS.items())[number % 5]
        place = chance.randrange(len(made))
        before, after = ("".join(chance.choices(FILLER, k=chance.randrange(60))) for _ in range(2))
        is_whole = name == "base64"  # a secret may stand anywhere in what is encoded
        text = encode(before + made[place] + after) if is_whole else before + encode(made[place]) + after
        if f"secret {place}" not in {leak.secret for leak in known.find(text)}:
            missed.append((name, made[place]))
    assert missed == []


@settings(max_examples=300)
@given(
    value=st.text(min_size=8, max_size=60).filter(lambda text: len(text.encode()) >= 8),
    before=st.text(max_size=40),
    after=st.text(max_size=40),
    encoding=st.sampled_from([*ENCODINGS, "json", "html", "bytes"]),
)
def test_whatever_a_secret_is_and_wherever_it_stands_it_is_found_and_taken_out(
    value: str, before: str, after: str, encoding: str
) -> None:
    encoders: dict[str, Encode] = {
        **ENCODINGS,
        "json": lambda text: json.dumps(text)[1:-1],
        "html": html.escape,
        "bytes": lambda text: text.encode().decode("latin-1"),
    }
    text = before + encoders[encoding](value) + after
    if encoding == "base64" and len(value.encode()) < 12:
        return  # what is certain of it may be too short
    known = scanner(value)
    assert known.find(text)
    assert not known.find(known.redact(text).replace("[secret 0]", "\x00" * 3))


def occurrences(values: list[str], text: str) -> set[tuple[str, int, int]]:
    """Every place of every form, found by comparing plain text at each place: what the scanner stands for."""
    known = [(f"secret {number}", form) for number, value in enumerate(values) for _, form in forms(value)]
    places = ((name, at, form) for name, form in known for at in range(len(text)) if text.startswith(form, at))
    return {(name, at, at + len(form)) for name, at, form in places}


@settings(max_examples=300, deadline=None)
@given(data=st.data(), values=st.lists(st.text(alphabet="ab-é", min_size=8, max_size=45), min_size=1, max_size=4))
def test_hashes_find_what_comparing_plain_text_finds_and_nothing_else(data: st.DataObject, values: list[str]) -> None:
    written = [form for value in values for _, form in forms(value)]
    pieces = st.sampled_from(
        [*written, *(form[1:] for form in written), *(form[:-1] for form in written), "ab", "\ud800"]
    )
    text = "".join(data.draw(st.lists(pieces, max_size=8)))
    known = LeakScanner()
    for number, value in enumerate(values):
        known.hear(f"secret {number}", value)
    assert {(leak.secret, leak.start, leak.end) for leak in known.find(text)} == occurrences(values, text)


def test_it_holds_nothing_of_what_it_looks_for() -> None:
    known = scanner(VALUE, "correct-horse-battery", "short")
    known.watch("run 7", SecretStr("Passw0rd-of-today"))
    todo: list[object] = [known]
    held: list[str] = []
    while todo:
        each = todo.pop()
        if isinstance(each, str | bytes):
            held.append(each if isinstance(each, str) else each.decode("latin-1"))
        elif isinstance(each, dict | list | tuple):
            todo += [*each.items()] if isinstance(each, dict) else each
        elif type(each).__module__.startswith("deskhand"):
            names = getattr(type(each), "__slots__", None) or vars(each)
            todo += [getattr(each, name) for name in names]
    assert "secret 1" in held, "it was looked into"
    grams = [value[at : at + 4] for value in (VALUE, "correct-horse-battery", "short", "Passw0rd") for at in range(2)]
    assert not [gram for gram in grams if any(gram in each for each in held)]


def test_a_secret_that_was_changed_is_looked_for_beside_what_it_was() -> None:
    known = scanner("correct-horse")
    for _ in range(2):
        known.hear("secret 0", "battery-staple")
    assert known.redact("correct-horse battery-staple") == "[secret 0] [secret 0]"
    known.forget("secret 0")
    assert known.find("correct-horse battery-staple") == ()


@settings(max_examples=200)
@given(st.text(alphabet=FILLER, max_size=300))
def test_nothing_is_found_where_nothing_is(text: str) -> None:
    assert scanner("correct-horse-battery", "Xq9-zz81-aa").find(text) == ()
    assert scanner("correct-horse-battery").redact(text) == text


def test_a_leak_says_which_secret_in_which_encoding_and_where() -> None:
    (leak,) = scanner("correct-horse").find(f"see {b'correct-horse'.hex()}!")
    assert (leak.secret, leak.encoding, leak.start, leak.end) == ("secret 0", "hex", 4, 30)
    assert str(leak) == "secret 0, hex"


def test_several_secrets_and_what_overlaps_are_all_taken_out() -> None:
    known = scanner("correct-horse", "horse-battery", "Xq9-zz81-aa")
    assert known.redact("a correct-horse-battery b Xq9-zz81-aa c correct-horse") == (
        "a [secret 0] b [secret 2] c [secret 0]"
    )


def test_a_secret_too_short_to_be_looked_for_is_named() -> None:
    known = scanner("short", "long enough")
    assert known.too_short == ("secret 0",)
    assert known.find("short") == ()


def test_a_secret_made_at_run_time_is_watched_until_it_is_forgotten() -> None:
    known = scanner()
    assert known.find("Passw0rd-of-today") == ()
    known.watch("run 7", SecretStr("Passw0rd-of-today"))
    assert known.redact("it is Passw0rd-of-today") == "it is [run 7]"
    known.forget("run 7")
    known.forget("run 7")
    assert known.find("Passw0rd-of-today") == ()


def test_a_text_with_a_secret_is_refused_without_repeating_it() -> None:
    known = scanner(VALUE)
    known.refuse("nothing to see", "the note")
    with pytest.raises(LeakError, match=r"the note would hold a secret \(secret 0, url\)") as raised:
        known.refuse(quote(VALUE, safe=""), "the note")
    assert "hush" not in str(raised.value)


def test_scanning_goes_on_while_others_add_secrets() -> None:
    known, stop, missed = scanner("correct-horse"), threading.Event(), []

    def look() -> None:
        while not stop.is_set():
            if not known.find("xx correct-horse xx"):
                missed.append(1)

    thread = threading.Thread(target=look)
    thread.start()
    for number in range(200):
        known.watch(f"run {number % 3}", SecretStr(f"another-secret-{number}"))
    stop.set()
    thread.join()
    assert missed == []


@pytest.mark.parametrize("renderer", [structlog.processors.JSONRenderer(), structlog.dev.ConsoleRenderer(colors=False)])
def test_no_log_line_holds_a_secret(renderer: structlog.typing.Processor, capsys: pytest.CaptureFixture[str]) -> None:
    structlog.configure(
        processors=[structlog.processors.format_exc_info, renderer, RedactingProcessor(scanner(VALUE).redact)],
        logger_factory=structlog.PrintLoggerFactory(),
    )
    log = structlog.get_logger()
    log.warning(VALUE, value=VALUE, nested={"list": [VALUE, quote(VALUE)]})
    try:
        int(VALUE)
    except ValueError:
        log.exception("failed")
    written = capsys.readouterr().out
    assert "[secret 0]" in written
    assert scanner(VALUE).find(written) == ()


def test_nor_does_a_line_of_a_library() -> None:
    record = logging.LogRecord("lib", logging.WARNING, "x.py", 1, "got %s", (VALUE,), None)
    assert RedactingFormatter(scanner(VALUE).redact).format(record) == "WARNING:lib:got [secret 0]"


def test_files_and_databases_are_searched_whole(tmp_path: Path) -> None:
    long = "x" * 3000 + VALUE + "y" * 5000
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "log").write_bytes(b"\xff" * ((1 << 20) - 5) + VALUE.encode() + b"\xff")
    (tmp_path / "clean").write_text("nothing")
    (tmp_path / "link").symlink_to("deep/log")
    connection = sqlite3.connect(tmp_path / "some.db")
    connection.execute("CREATE TABLE notes (text TEXT, number INTEGER)")
    for shift in range(40):  # at some shift a page ends in the middle of it
        connection.execute("INSERT INTO notes VALUES (?, 1)", ("z" * 97 * shift + long,))
    connection.execute("CREATE TABLE others (text TEXT)")
    connection.commit()
    connection.close()
    found = [(each.where, each.secret) for each in leaks_in(tmp_path, scanner(VALUE))]
    assert ("deep/log", "secret 0, plain") in found
    assert {where for where, _ in found} == {"deep/log", "some.db"}


def database_with(path: Path, text: str) -> bytes:
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in ("PRAGMA page_size=512", "PRAGMA synchronous=OFF", "CREATE TABLE notes (text TEXT)"):
        connection.execute(statement)
    connection.execute("INSERT INTO notes VALUES (?)", (text,))
    connection.close()
    return path.read_bytes()


def test_a_value_broken_over_pages_is_found_in_its_table(tmp_path: Path) -> None:
    path, known = tmp_path / "some.db", scanner(VALUE)
    shifts = range(0, 600, len(VALUE) // 2)
    texts = ("x" * 900 + VALUE + "y" * shift for shift in shifts)
    assert any(not known.find_in_bytes(database_with(path, text)) for text in texts), "it is broken somewhere"
    (found,) = leaks_in(tmp_path, known)
    assert (found.where, found.secret) == ("some.db, table notes", "secret 0, plain")
