"""`deskhand report`: what automations did, month by month and client by client, and whether decisions drift."""

from pathlib import Path

import click

from deskhand.cli.acting import desk_of
from deskhand.cli.answers import config_option, explaining_errors, json_option, print_json, print_line, print_table
from deskhand.cli.maintaining_showing import saved_document
from deskhand.desk.reporting import BASIS
from deskhand.records.reviews import ReviewState


@click.command(name="report", help="Report runs, outcomes and minutes saved, by month and client; and drift.")
@click.option("--client", help="Only this client; its id in the PSA.")
@config_option
@json_option
@explaining_errors
def command(client: str | None, config_path: Path, *, as_json: bool) -> None:
    """Report what the record says; nothing is contacted."""
    with desk_of(config_path) as desk:
        months = desk.maintaining.months(client)
        drifts = desk.maintaining.drift()
        reviews = desk.maintaining.reviewing.counts()
    if as_json:
        print_json(
            {
                "months": [
                    {
                        "month": each.month,
                        "tenant": each.tenant_id,
                        "client": each.client,
                        "runs": each.runs,
                        "done": each.done,
                        "failures_by_cause": each.causes,
                        "saved": saved_document(each.saved),
                    }
                    for each in months
                ],
                "drift": [{"name": each.name, "is_drifting": each.is_drifting, "text": each.text} for each in drifts],
                "reviews": {state.value: count for state, count in reviews.items()},
            }
        )
        return
    rows = [
        (
            each.month,
            each.client,
            each.runs,
            each.done,
            ", ".join(f"{cause} {count}" for cause, count in each.causes.items()),
            f"{each.saved.minutes:.0f} (of {each.saved.estimated} runs)" if each.saved.estimated else "not known",
        )
        for each in months
    ]
    print_table("Runs", ("month", "client", "runs", "done", "failures", "minutes saved, estimated"), rows)
    print_line(f"Minutes saved are an {BASIS}.")
    for drift in drifts:
        print_line(f"{'Drift' if drift.is_drifting else 'Steady'}: {drift.name}: {drift.text}")
    print_line(f"Reviews: {reviews[ReviewState.OPEN]} wait for a mark, {reviews[ReviewState.MARKED]} have one.")
