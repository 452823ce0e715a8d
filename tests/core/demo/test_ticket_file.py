import csv
import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deskhand.demo.file_rows import LONGEST_FIELD, LONGEST_LINE, TicketFileError
from deskhand.demo.ticket_file import HISTORY, LONGEST_SUMMARY, MOST_TYPES, read_tickets, shortened
from deskhand.sdk.errors import ConfigurationError
from deskhand.sdk.models import Level
from tests.repository import SHARED

REAL = SHARED / "data" / "tickets" / "it-service-tickets.csv.gz"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def save(content: str | bytes, name: str = "tickets.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return save


def table(rows: int, header: str = "text,category", line: str = "printer {n} is jammed,Hardware") -> str:
    return "\n".join([header, *(line.format(n=n) for n in range(rows))]) + "\n"


def test_a_long_file_gives_two_thousand_closed_tickets_and_then_the_limit(write: Callable[..., Path]) -> None:
    found = read_tickets(write(table(4_000)), limit=500)
    assert (len(found.history), len(found.tickets)) == (HISTORY, 500)
    assert found.history[0].text == "printer 0 is jammed"
    assert found.tickets[0].text == "printer 2000 is jammed"
    assert found.tickets[0].line == 2_002


def test_without_a_limit_all_the_rest_come_in(write: Callable[..., Path]) -> None:
    assert len(read_tickets(write(table(3_500))).tickets) == 1_500


@pytest.mark.parametrize(("rows", "closed"), [(2, 1), (10, 6), (1_000, 600), (3_333, 1_999), (3_334, 2_000)])
def test_of_a_short_file_three_fifths_are_history(write: Callable[..., Path], rows: int, closed: int) -> None:
    found = read_tickets(write(table(rows)))
    assert (len(found.history), len(found.tickets)) == (closed, rows - closed)
    assert len(read_tickets(write(table(rows)), limit=1).history) == closed


def test_history_can_be_given(write: Callable[..., Path]) -> None:
    found = read_tickets(write(table(20)), history=5, limit=3)
    assert [ticket.line for ticket in found.tickets] == [7, 8, 9]
    assert len(found.history) == 5


def test_a_file_without_labels_has_no_history_to_learn_from(write: Callable[..., Path]) -> None:
    found = read_tickets(write("subject,description\nhelp,my screen is black\n"))
    assert (found.history, found.types) == ((), {})
    assert (found.tickets[0].summary, found.tickets[0].text) == ("help", "my screen is black")


@pytest.mark.parametrize(
    ("header", "text", "label"),
    [
        ("text,category", "text", "category"),
        ("Document,Topic_group", "Document", "Topic_group"),
        ("id,Body,Type", "Body", "Type"),
        ("Short Description,Issue-Type", None, "Issue-Type"),
        (",label,Content", "Content", "label"),
        ("Betreff,Beschreibung,Kategorie", "Beschreibung", "Kategorie"),
    ],
)
def test_columns_are_known_by_their_usual_names(
    write: Callable[..., Path], header: str, text: str | None, label: str
) -> None:
    row = ",".join(f"value {n}" for n in range(header.count(",") + 1))
    columns = read_tickets(write(f"{header}\n{row}\n{row}\n")).columns
    assert (columns.text, columns.type) == (text, label)


def test_a_column_named_outright_goes_first(write: Callable[..., Path]) -> None:
    path = write("text,notes,category,queue\nshort,the long story,A,B\nshort,another,A,C\n")
    found = read_tickets(path, text_column="Notes", label_column="queue", history=1)
    assert found.tickets[0].text == "another"
    assert found.types == {"B": (), "C": ()}


def test_of_two_columns_that_differ_only_in_spelling_the_first_counts(write: Callable[..., Path]) -> None:
    assert read_tickets(write("Text,TEXT\none,two\n")).columns.text == "Text"


def test_all_labels_are_read_where_they_can_be_understood(write: Callable[..., Path]) -> None:
    path = write(
        "subject;body;type;subtype;impact;urgency;priority\n"
        "a;b;Network;VPN;1 - High;gering;P1\n"
        "a;b;Network;Wi-Fi;2;Medium;3 - Normal\n"
        "a;b;;;whatever;;soon\n"
    )
    first, second, third = read_tickets(path, history=0).tickets
    assert (first.impact, first.urgency, first.priority) == (Level.HIGH, Level.LOW, 1)
    assert (second.impact, second.urgency, second.priority) == (Level.MEDIUM, Level.MEDIUM, 3)
    assert (third.type, third.subtype, third.impact, third.urgency, third.priority) == (None,) * 5
    assert read_tickets(path, history=0).types == {"Network": ("VPN", "Wi-Fi")}


def test_jsonl_and_gzip_say_the_same_as_csv(write: Callable[..., Path]) -> None:
    rows = [{"text": f"der Drucker, Nr. {n}\nist kaputt", "category": "Drucker"} for n in range(10)]
    lines = "\n\n".join(json.dumps(row) for row in rows)
    plain = read_tickets(write(lines, "t.jsonl"))
    packed = read_tickets(write(gzip.compress(lines.encode()), "t.jsonl.gz"))
    quoted = "text\tcategory\n" + "".join('"{text}"\t{category}\n'.format_map(row) for row in rows)
    table_of_same = read_tickets(write(quoted, "t.tsv"))
    assert [ticket.text for ticket in plain.tickets] == [ticket.text for ticket in packed.tickets]
    assert [ticket.text for ticket in plain.tickets] == [ticket.text for ticket in table_of_same.tickets]


def test_a_record_of_several_lines_is_counted_from_its_first(write: Callable[..., Path]) -> None:
    found = read_tickets(write('text,category\n"one\ntwo\nthree",A\nnext,B\n'), history=0)
    assert [ticket.line for ticket in found.tickets] == [2, 5]


def test_a_byte_order_mark_is_no_part_of_the_first_column(write: Callable[..., Path]) -> None:
    assert read_tickets(write(b"\xef\xbb\xbftext\nhelp\n")).columns.text == "text"


def test_half_a_surrogate_pair_is_replaced(write: Callable[..., Path]) -> None:
    found = read_tickets(write('{"text": "smile \\ud83d"}\n', "t.jsonl"))
    assert found.tickets[0].text == "smile \N{REPLACEMENT CHARACTER}"


def test_the_rest_of_a_long_file_is_not_read(write: Callable[..., Path]) -> None:
    broken_far_down = table(5_000) + "one,two,three,four\n"
    assert len(read_tickets(write(broken_far_down), limit=10).tickets) == 10
    with pytest.raises(TicketFileError, match="line 5002"):
        read_tickets(write(broken_far_down))


DAMAGED = gzip.compress(("text,category\n" + "".join(f"{n * 7919} jams,B{n % 3}\n" for n in range(9_000))).encode())

BROKEN = [
    ("", "t.csv", r"t\.csv is empty\. Expected a CSV header"),
    ("\n \n", "t.csv", r"is empty"),
    ("text,category\n", "t.csv", r"has a header and no tickets"),
    ("id,when\n1,2\n", "t.csv", r"none of its columns \(id, when\).*Expected one of text, .*name it outright"),
    ("text,text\na,b\n", "t.csv", r"line 1: the column 'text' occurs twice.*Rename"),
    (
        "text,category\nx,A\na,b,c\n",
        "t.csv",
        r"line 3: found 3 fields where the header has 2 \(text, category\).*Quote",
    ),
    ("text,category\nx\n", "t.csv", r"line 2: found 1 fields"),
    ('text,category\nx,A\n"never closed,B\nmore,C\n', "t.csv", r"line 3: the record that starts here is not CSV"),
    ('text,category\n"a"b,A\n', "t.csv", r"line 2: .*not CSV.*quotes inside it doubled"),
    ("text,category\n ,A\n", "t.csv", r"line 2: the ticket has no text in 'text'\. Fill it in"),
    (b"text\ncaf\xe9\n", "t.csv", r"byte 0xE9 is not UTF-8.*iconv -f WINDOWS-1252"),
    ("text\nhello\n".encode("utf-16"), "t.csv", r"not UTF-8.*iconv -f UTF-16"),
    ('{"text": "a"}\n{"text": \n', "t.jsonl", r"line 2: column \d+ is not JSON .*one whole JSON object on each line"),
    ('{"text": "a"}\n"b"\n', "t.jsonl", r"line 2: this is not a JSON object"),
    ('[{"text": "a"}]', "t.json", r"line 1: this is a JSON array.*jq -c"),
    ("text\nhello\n", "t.jsonl", r"line 1: column 1 is not JSON"),
    ('{"text": ' + "[" * 100_000 + "}", "t.jsonl", r"line 1: .*nested too deep"),
    ('{"text": ' + "9" * 10_000 + "}", "t.jsonl", r"line 1: .*number too long"),
    ("text\n" + "x" * (LONGEST_FIELD + 1), "t.csv", r"line 2: .*not CSV \(field larger"),
    ("x" * (LONGEST_LINE + 1), "t.csv", r"line 1: the line is longer than 4,000,000 characters"),
    ("text\nhello\n", "t.csv.gz", r"named \.gz but is not gzipped"),
    (DAMAGED[:-2_000], "t.csv.gz", r"after line \d+: the compressed data is cut off or damaged.*gzip -t"),
    (DAMAGED[:600] + b"\x00" * 40 + DAMAGED[640:], "t.csv.gz", r"cut off or damaged"),
    ("".join(["text,type\n", *(f"t,{n}\n" for n in range(MOST_TYPES + 1))]), "t.csv", r"'type' has 201 different"),
]


@pytest.mark.parametrize(("content", "name", "says"), BROKEN, ids=[says[:40] for _, _, says in BROKEN])
def test_a_broken_file_is_named_with_the_place_and_the_fix(
    write: Callable[..., Path], content: str | bytes, name: str, says: str
) -> None:
    path = write(content, name)
    with pytest.raises(TicketFileError, match=f"(?s){re.escape(str(path.parent))}.*{says}"):
        read_tickets(path)


def test_a_file_that_is_not_there_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such file"):
        read_tickets(tmp_path / "nowhere.csv")
    with pytest.raises(ConfigurationError, match="is a folder"):
        read_tickets(tmp_path)


def test_an_unknown_column_is_answered_with_those_there_are(write: Callable[..., Path]) -> None:
    with pytest.raises(TicketFileError, match=r"no column 'Notes'\. Name one of: text, category"):
        read_tickets(write(table(3)), text_column="Notes")


def test_history_that_leaves_nothing_is_refused(write: Callable[..., Path]) -> None:
    with pytest.raises(TicketFileError, match="has 3 tickets: none is left after 3 of history"):
        read_tickets(write(table(3)), history=3)


def test_reading_leaves_the_csv_limit_of_the_process_alone(write: Callable[..., Path]) -> None:
    before = csv.field_size_limit(4_321)
    try:
        read_tickets(write(table(10)), limit=1)
        assert csv.field_size_limit() == 4_321
    finally:
        csv.field_size_limit(before)


@given(st.text(min_size=1).filter(str.strip))
def test_a_summary_is_one_line_that_a_psa_takes(text: str) -> None:
    summary = shortened(text.strip())
    assert 0 < len(summary) <= LONGEST_SUMMARY
    assert summary.splitlines() == [summary]
    assert text.split(maxsplit=1)[0].startswith(summary.split()[0].removesuffix("…"))


@pytest.mark.skipif(not REAL.is_file(), reason=f"{REAL} is not on this machine")
def test_the_real_file_is_read_as_it_is() -> None:
    found = read_tickets(REAL, limit=500)
    assert (len(found.history), len(found.tickets)) == (2_000, 500)
    assert len(found.types) == 8
    assert all(ticket.type in found.types for ticket in (*found.history, *found.tickets))


@pytest.mark.skipif(not REAL.is_file(), reason=f"{REAL} is not on this machine")
def test_every_row_of_the_real_file_is_used() -> None:
    found = read_tickets(REAL)
    assert len(found.history) + len(found.tickets) == 38_327
