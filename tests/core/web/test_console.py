"""What the console shows, and that nothing a ticket says becomes anything but text."""

import itertools
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deskhand.desk.desk import Desk
from deskhand.knowledge.text import visible
from deskhand.records.documents import FieldName, Handling, OutcomeKind
from tests.core.web import html_pages
from tests.core.web.browser import Browser
from tests.core.web.conftest import WORDS, Visit, quiet_desk, visitor
from tests.core.web.documents import decision, fill, save, triage, why

PAGES = ("/", "/tickets/1", "/tickets/10", "/panel/1", "/panel/10", "/quarantine", "/record")
MORE_PAGES = ("/approvals", "/runs", "/automations", "/candidates", "/govern", "/reviews", "/switches", "/accounts")
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script src=//evil.example></script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus='alert(1)",
    '" hx-get="/record" hx-trigger="load',
    "<div hx-post=/callbacks/x hx-trigger=load data-hx-get=/></div>",
    "<a href='javascript:alert(1)'>x</a>",
    "<style>*{display:none}</style><link rel=stylesheet href=//evil.example>",
    "<!-- --><![CDATA[x]]><?php ?>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<base href=//evil.example><form action=//evil.example><input name=a>",
    "</pre></section></main><main data-live>",
    "{{ 7*7 }}{% raw %}{{ self }}",
    "&lt;script&gt;&#60;script&#62;&amp;",
    "<svg/onload=alert(1)>\x00\x1b[31m\u202e<\u2028",
    "\ufeff＜script＞ﬁ",
)


@pytest.fixture(scope="module")
def plain() -> list[list[tuple[str, tuple[str, ...]]]]:
    """The shape of every page where a ticket says nothing special."""
    with quiet_desk() as desk:
        browser = visitor(desk)()
        fill(desk, WORDS)
        return [html_pages.read(browser.get(path).text).skeleton for path in PAGES]


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_stay_words_on_every_page(
    desk: Desk, browser: Browser, plain: list[list[tuple[str, tuple[str, ...]]]], words: str
) -> None:
    fill(desk, words)
    hostile = [html_pages.read(browser.get(path).text) for path in PAGES]
    assert [page.skeleton for page in hostile] == plain
    assert not any(page.oddities for page in hostile)
    shown = visible(words.replace("\0", "\ufffd"))
    assert all(shown in page.text for page in hostile[1:])
    assert not any(set("\0\x1b\u202e\u2028\ufeff") & set(page.text) for page in hostile)


NUMBERS = itertools.count()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.text(min_size=1, max_size=40) | st.text("<>\"'&=/ {%}-!sctgip", min_size=1, max_size=40))
def test_whatever_a_ticket_says_its_page_keeps_its_shape(desk: Desk, browser: Browser, words: str) -> None:
    number = next(NUMBERS)
    save(desk, why(f"{number}a", words.encode(errors="replace").decode()), why(f"{number}b", "Plain words"))
    told, plain = (html_pages.read(browser.get(f"/tickets/{number}{each}").text) for each in "ab")
    assert told.skeleton == plain.skeleton


@pytest.mark.parametrize("path", [*PAGES, *MORE_PAGES])
def test_scripts_styles_and_links_are_our_own_and_nothing_is_inline(visit_busy: Visit, path: str) -> None:
    page = html_pages.read(visit_busy().get(path).text)
    scripts = [each.partition("?")[0] for each in page.values("script", "src")]
    assert scripts == [f"/static/{name}.min.js" for name in ("htmx", "hx-csp", "hx-sse")]
    assert [each.partition("?")[0] for each in page.values("link", "href")] == ["data:,", "/static/app.css"]
    assert all(value.startswith(("/", "#")) and not value.startswith("//") for value in page.values("a", "href"))
    names = {name for _, attributes in page.elements for name, _ in attributes}
    assert not [name for name in names if name.startswith(("on", "hx-on", "data-hx")) or name == "style"]
    assert "style" not in {tag for tag, _ in page.elements}


@pytest.mark.parametrize("path", [*PAGES, *MORE_PAGES])
def test_every_element_with_a_hook_carries_the_nonce_and_every_form_the_key_of_its_session(
    visit_busy: Visit, path: str
) -> None:
    browser = visit_busy()
    page = html_pages.read(browser.get(path).text)
    for tag, attributes in page.elements:
        names = {name for name, _ in attributes if name.startswith("hx-")}
        assert not names or "hx-nonce" in names, (tag, names)
    forms = [dict(each) for tag, each in page.elements if tag == "form"]
    keys = [dict(each).get("value") for tag, each in page.elements if dict(each).get("name") == "csrf"]
    assert keys == [browser.csrf] * len(forms)
    assert all(each["method"] == "post" and each["action"].startswith("/") for each in forms)


@pytest.mark.parametrize("path", [*PAGES, *MORE_PAGES])
def test_every_id_on_a_page_is_its_only_one(visit_busy: Visit, path: str) -> None:
    page = html_pages.read(visit_busy().get(path).text)
    ids = [value for _, attributes in page.elements for name, value in attributes if name == "id"]
    assert len(ids) == len(set(ids))
    labels = [value for _, attributes in page.elements for name, value in attributes if name == "aria-labelledby"]
    assert set(labels) <= set(ids)


@pytest.mark.parametrize(
    "path", ["/", "/quarantine", "/record", "/approvals", "/runs", "/automations", "/candidates", "/reviews"]
)
def test_a_page_without_data_says_what_will_be_there(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 200
    page = html_pages.read(answer.text)
    expected = {
        "/": "Nothing here yet",
        "/quarantine": "Nothing is held",
        "/record": "Entries, newest first",
        "/approvals": "Nothing waits",
        "/runs": "Nothing was run yet",
        "/automations": "There are none yet",
        "/candidates": "Nothing recurs often enough yet",
        "/reviews": "Nothing waits for a mark",
    }
    assert expected[path] in page.text


def test_a_ticket_that_was_not_handled_has_no_page(browser: Browser) -> None:
    answer = browser.get("/tickets/4711")
    assert (answer.status_code, "4711" in answer.text) == (404, False)


@pytest.mark.parametrize("outcome", OutcomeKind)
@pytest.mark.parametrize("is_made", [True, False, None])
@pytest.mark.parametrize("is_mirrored", [True, False])
def test_the_why_of_every_outcome_is_shown(
    desk: Desk, browser: Browser, outcome: OutcomeKind, *, is_made: bool | None, is_mirrored: bool
) -> None:
    if is_mirrored:
        fill(desk, "Mirrored words")
    known = None if is_made is None else triage("1", "Triage words", is_made=is_made)
    tenant = None if outcome is OutcomeKind.QUARANTINED else "7"
    save(desk, why("1", "The reason", outcome, triage=known, tenant_id=tenant, handling=None, note_id=None, applied=()))
    page = html_pages.read(browser.get("/tickets/1").text)
    assert "The reason" in page.text
    assert outcome.value.capitalize() in page.text
    assert ("Not decided" in page.text) == (is_made is False)
    listed = html_pages.read(browser.get("/").text)
    assert "/tickets/1" in listed.values("a", "href")


def test_a_triage_without_similar_tickets_entities_or_warnings_is_shown(desk: Desk, browser: Browser) -> None:
    bare = triage("1", "Words").model_copy(update={"similar": (), "entities": (), "warnings": (), "decisions": ()})
    save(desk, why("1", triage=bare))
    page = html_pages.read(browser.get("/tickets/1").text)
    assert "Similar past tickets" not in page.text
    assert "Beware" not in page.text


def test_the_words_of_a_ticket_that_is_held_are_not_shown(desk: Desk, browser: Browser) -> None:
    fill(desk, "Whose words are these")
    save(desk, why("1", "Held", OutcomeKind.QUARANTINED, triage=None, tenant_id=None))
    page = html_pages.read(browser.get("/tickets/1").text)
    assert "No notes are mirrored" in page.text
    assert "pre" not in {tag for tag, _ in page.elements}


def test_what_is_decided_but_not_yet_written_is_not_called_written(desk: Desk, browser: Browser) -> None:
    save(desk, why("1", note_id=None), why("2"))
    waiting, written = (html_pages.read(browser.get(f"/tickets/{each}").text).text for each in "12")
    assert ("applied" in waiting, "applied" in written) == (False, True)
    assert html_pages.read(browser.get("/").text).text.count("set type") == 1


def test_a_client_whose_policy_is_off_is_told_so(desk: Desk, browser: Browser) -> None:
    save(desk, why("1", "Off", OutcomeKind.LEFT_ALONE, handling=Handling.OFF, triage=None, note_id=None, applied=()))
    assert "policy is off" in browser.get("/").text


# Paging and filters


@pytest.fixture(scope="module")
def many() -> Iterator[Browser]:
    """A console of a desk with 110 tickets triaged and three left to a person."""
    outcomes = [OutcomeKind.TRIAGED] * 110 + [OutcomeKind.NEEDS_REVIEW] * 3
    with quiet_desk() as desk:
        save(desk, *(why(str(number), outcome=outcome) for number, outcome in enumerate(outcomes, 1)))
        yield visitor(desk)()


def listed(browser: Browser, path: str) -> list[int]:
    page = html_pages.read(browser.get(path).text)
    return [int(each.rpartition("/")[2]) for each in page.values("a", "href") if each.startswith("/tickets/")]


def test_pages_list_every_ticket_once_newest_first(many: Browser) -> None:
    found = [number for page in range(4) for number in listed(many, f"/?page={page}")]
    assert found == list(range(113, 0, -1))


def test_pages_lead_to_each_other_and_keep_the_filter(many: Browser) -> None:
    seen, path = [], "/?outcome=triaged"
    while path:
        page = html_pages.read(many.get(path).text)
        seen.append(path)
        path = next((dict(a)["href"] for tag, a in page.elements if tag == "a" and dict(a).get("id") == "older"), "")
    assert seen == ["/?outcome=triaged", "/?outcome=triaged&page=1", "/?outcome=triaged&page=2"]
    assert listed(many, "/?outcome=needs+review") == [113, 112, 111]
    assert listed(many, "/?outcome=needs%20review") == [113, 112, 111]
    assert listed(many, "/?outcome=quarantined") == []


@pytest.mark.parametrize(
    "page",
    [
        "-1",
        "",
        "x",
        "1.5",
        "0x1",
        "1e3",
        "٣",
        "²",
        "１",
        " 1",
        "+1",
        "None",
        "%00",
        "1;drop",
        "9" * 5000,
        "1" + "0" * 30,
    ],
)
def test_a_page_number_that_is_none_shows_the_first_page(many: Browser, page: str) -> None:
    assert listed(many, f"/?page={page}") == list(range(113, 63, -1))


@pytest.mark.parametrize("page", ["4", "999999", "000004"])
def test_a_page_behind_the_last_is_empty_and_leads_back(many: Browser, page: str) -> None:
    answer = html_pages.read(many.get(f"/?page={page}").text)
    assert "Nothing here yet" in answer.text
    assert listed(many, f"/?page={page}") == []


@pytest.mark.parametrize(
    "outcome", ["", "TRIAGED", "triaged'--", "%00", "x" * 10_000, "<script>", "OutcomeKind.TRIAGED"]
)
def test_a_filter_that_is_none_shows_everything(many: Browser, outcome: str) -> None:
    answer = many.get(f"/?outcome={outcome}")
    assert len(listed(many, f"/?outcome={outcome}")) == 50
    assert outcome == "" or outcome not in answer.text or outcome == "<script>"
    assert len(html_pages.read(answer.text).values("script", "src")) == 3


def test_parameters_nobody_asked_for_are_ignored(many: Browser) -> None:
    assert listed(many, "/?page=1&page=2&a[]=b&&&=&outcome=triaged") != []


@pytest.mark.parametrize(
    "ticket_id", ["a/b", "../record", "a b", "a?b=c", "a#b", "%2e%2e", "100%", "é", "a&b", "'\"", "a\\b", "a;b", "/a"]
)
def test_a_ticket_of_any_name_has_a_page_its_link_leads_to(desk: Desk, browser: Browser, ticket_id: str) -> None:
    save(desk, why(ticket_id, "This very ticket"))
    (link,) = [each for each in html_pages.read(browser.get("/").text).values("a", "href") if "/tickets/" in each]
    assert re.fullmatch(r"/tickets/[A-Za-z0-9%._~-]+", link)
    answer = browser.get(link)
    assert answer.status_code == 200
    assert ticket_id in html_pages.read(answer.text).text


def test_a_full_list_is_light(desk: Desk, browser: Browser) -> None:
    long = "A fairly long sentence, as people write them when their printer has failed for the third time today. " * 3
    fill(desk, long)
    whys = [why(str(number), long) for number in range(100, 160)]
    save(desk, *whys)
    weight = len(browser.get("/").content)
    assert len(listed(browser, "/")) == 50
    assert weight <= 120_000, weight


def test_the_number_of_figures_and_chips_says_how_the_desk_is(desk: Desk, browser: Browser) -> None:
    fill(desk, "Words")
    page = html_pages.read(browser.get("/").text)
    assert "Triaged" in page.text
    assert "PSA connected" in page.text
    assert "No model" in page.text


def test_moments_are_told_in_utc(desk: Desk, browser: Browser) -> None:
    fill(desk, "Words")
    page = html_pages.read(browser.get("/record").text)
    assert f"{datetime.now(UTC):%Y-%m-%d}" in page.text
    assert " UTC" in page.text


def test_every_field_is_named(desk: Desk, browser: Browser) -> None:
    save(desk, why("1"))
    text = html_pages.read(browser.get("/tickets/1").text).text
    assert all(field.value.capitalize() in text for field in FieldName)
    assert decision(FieldName.KIND, "x").confidence == 0.83
    assert "83%" in text
