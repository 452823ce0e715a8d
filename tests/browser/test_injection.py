"""What a ticket says stays words, and what gets into a page all the same cannot ask for anything."""

import pytest

from tests.browser.conftest import SignIn
from tests.browser.practice import Practice

HOSTILE = '<i hx-get="/record" hx-trigger="load">x</i><img src=x onerror=alert(1)>'


def test_hooks_and_markup_in_a_ticket_are_shown_as_words(sign_in: SignIn, practice: Practice) -> None:
    ticket = practice.ticket(HOSTILE[:90], text=HOSTILE)
    maya = sign_in("maya")
    asked: list[str] = []
    maya.page.on("request", lambda request: asked.append(request.url))
    maya.page.on("dialog", lambda dialog: asked.append(f"dialog {dialog.message}"))
    for path in (f"/panel/{ticket}", f"/tickets/{ticket}", "/"):
        maya.go(path)
        maya.page.wait_for_timeout(200)
        assert "hx-get" in maya.page.locator("body").inner_text()
    assert not [each for each in asked if each.endswith("/record") or "dialog" in each]


@pytest.mark.parametrize(
    "inject",
    [
        "document.body.innerHTML = '<i hx-get=/record hx-trigger=load>x</i>'",
        "document.body.insertAdjacentHTML('beforeend', '<i hx-get=/record hx-trigger=load>x</i>')",
        "document.write('<script>fetch(`/record`)</script>')",
        "document.body.append(Object.assign(document.createElement('script'), {text: 'fetch(`/record`)'}))",
    ],
)
def test_the_browser_itself_refuses_markup_and_code_from_strings(sign_in: SignIn, inject: str) -> None:
    ann = sign_in("ann")
    ann.go("/runs")
    asked: list[str] = []
    ann.page.on("request", lambda request: asked.append(request.url))
    refused = ann.page.evaluate(
        "code => { try { new Function(code)(); return ''; } catch (e) { return e.name; } }", inject
    )
    ann.page.wait_for_timeout(200)
    assert refused == "TypeError"
    assert not [each for each in asked if each.endswith("/record")]
    ann.problems.clear()  # the browser complains, as it should


def test_an_element_without_the_pages_nonce_loses_its_hooks(sign_in: SignIn) -> None:
    ann = sign_in("ann")
    ann.go("/runs")
    asked: list[str] = []
    ann.page.on("request", lambda request: asked.append(request.url))
    left = ann.page.evaluate(
        """() => {
            const found = document.createElement("i");
            found.setAttribute("hx-get", "/record");
            found.setAttribute("hx-trigger", "load");
            found.setAttribute("hx-nonce", "guessed");
            document.body.append(found);
            htmx.process(found);
            return found.getAttributeNames();
        }"""
    )
    ann.page.wait_for_timeout(200)
    assert left == []
    assert not [each for each in asked if each.endswith("/record")]
    assert any("[hx-csp] blocked" in each for each in ann.problems)
    ann.problems.clear()
