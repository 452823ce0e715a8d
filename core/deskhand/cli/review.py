"""`deskhand review`: decisions drawn for people to look at, and what they say of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from deskhand.cli.acting import acting, as_option, desk_of
from deskhand.cli.answers import (
    config_option,
    explaining_errors,
    fail,
    json_option,
    print_json,
    print_line,
    print_table,
)
from deskhand.cli.exit_codes import ExitCode
from deskhand.records.reviews import Mark, Review, ReviewState, Subject


@click.group(name="review", help="Look at decisions that were drawn, and say whether they were right.")
def command() -> None:
    """Group the review commands."""


@command.command(name="list")
@click.option("--marked", "is_marked", is_flag=True, help="Those that have a mark, the newest first.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="At most so many.")
@config_option
@json_option
@explaining_errors
def list_reviews(limit: int, config_path: Path, *, is_marked: bool, as_json: bool) -> None:
    """List what waits for a mark, the longest waiting first."""
    with desk_of(config_path) as desk:
        found = desk.maintaining.reviews(ReviewState.MARKED if is_marked else ReviewState.OPEN, limit)
    if as_json:
        print_json([review_document(each) for each in found])
        return
    rows = [
        (
            f"{each.subject.value}/{each.id}",
            each.ticket_id,
            f"{each.field.value}: {each.label}" if each.field else each.label,
            "" if each.confidence is None else f"{each.confidence:.2f}",
            each.because,
            _marked(each),
        )
        for each in found
    ]
    print_table("Reviews", ("review", "ticket", "what was decided", "confidence", "why it was drawn", "mark"), rows)


@command.command(name="draw")
@config_option
@json_option
@explaining_errors
def draw(config_path: Path, *, as_json: bool) -> None:
    """Draw from the latest decisions now; a running desk does so daily. Drawing again draws the same."""
    with desk_of(config_path) as desk:
        drawn = desk.maintaining.sample()
        waiting = desk.maintaining.reviewing.counts()[ReviewState.OPEN]
    if as_json:
        print_json({"drawn": drawn, "waiting": waiting})
        return
    print_line(f"{drawn} drawn, {waiting} wait for a mark.")


@command.command(name="mark")
@click.argument("review")
@click.argument("mark", type=click.Choice([each.value for each in Mark]))
@click.option("--value", help="What it should have been: the id or the name, where the mark is `wrong`.")
@click.option("--comment", default="", help="Why.")
@as_option
@config_option
@json_option
@explaining_errors
def mark(  # the options a person types
    review: str, mark: str, value: str | None, comment: str, name: str, config_path: Path, *, as_json: bool
) -> None:
    """Say whether REVIEW, as `list` names it, was right. Marks are what the desk learns from next."""
    subject, _, review_id = review.partition("/")
    if subject not in set(Subject):
        fail(ExitCode.USAGE, f"“{review}” is no review; `deskhand review list` names them, such as triage/812:type")
    with acting(config_path, name) as (desk, who):
        marked = desk.maintaining.mark(who, Subject(subject), review_id, Mark(mark), value, comment)
    if as_json:
        print_json(review_document(marked))
        return
    print_line(f"{review}: {_marked(marked)}.")


def review_document(each: Review) -> Mapping[str, Any]:
    """Return a review as a document."""
    return {**each.model_dump(mode="json"), "review": f"{each.subject.value}/{each.id}"}


def _marked(each: Review) -> str:
    if each.mark is None:
        return ""
    right = f", should have been {each.right_label}" if each.right_label else ""
    return f"{each.mark.value}{right}"
