import numpy as np
import pytest

from deskhand.llm.engine import Question
from deskhand.llm.llama import LlamaEngine
from deskhand.llm.model_file import SMOLLM2_SHA256
from deskhand.llm.process import Launch
from tests.core.llm.conftest import opened

CATEGORY = Question("category", ("network", "hardware", "access", "email", "printing", "security"))
INSTRUCTIONS = (
    "You sort IT helpdesk tickets.\n- network: internet, VPN, Wi-Fi\n- hardware: laptops, monitors, keyboards\n"
    "- access: passwords and locked accounts\n- email: Outlook and mailboxes\n- printing: printers, scanners, toner\n"
    "- security: phishing and malware"
)


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("The printer on the second floor prints blank pages, we changed the toner", "printing"),
        ("Outlook does not send my emails and the mailbox is full", "email"),
        ("I forgot my password and now the account is locked", "access"),
    ],
)
def test_the_bundled_model_gets_obvious_tickets_right(instructed: LlamaEngine, text: str, category: str) -> None:
    (answer,) = instructed.choose(INSTRUCTIONS, text, [CATEGORY], deadline_seconds=30)
    assert CATEGORY.labels[int(np.argmax(answer.probabilities))] == category


def test_the_bundled_model_is_the_pinned_one(instructed: LlamaEngine) -> None:
    assert instructed.identity().sha256 == SMOLLM2_SHA256
    assert instructed.identity().name == "llama.cpp"


def test_an_embedding_model_brings_tickets_of_one_kind_together(embedder: Launch) -> None:
    engine = opened(embedder)
    try:
        rows = engine.embed(
            [
                "The printer prints blank pages",
                "Nothing comes out of our printer",
                "I forgot my password",
                "x " * 3000,
                "",
            ],
            deadline_seconds=20,
        )
    finally:
        engine.close()
    assert rows.shape == (5, 384)
    assert np.linalg.norm(rows, axis=1) == pytest.approx([1] * 5, abs=1e-4)
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.2
