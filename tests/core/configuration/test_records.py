"""Where the record store is: a file unless a server is named, and its password out of sight."""

import os
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from deskhand.configuration.loading import load
from deskhand.desk.stores import records_keys, records_location, records_url
from tests.core.configuration.conftest import Refused, Write

URL = "postgresql+psycopg://desk@db.example/records"


def test_without_a_word_it_is_a_file_in_the_state_folder(write: Write, tmp_path: Path) -> None:
    configuration = load(write(""))
    assert records_url(configuration) == f"sqlite:///{tmp_path}/state/records.db"
    assert records_location(configuration) == str(tmp_path / "state" / "records.db")
    assert records_keys(configuration) == tmp_path / "state" / "records.db"


@pytest.mark.parametrize("reference", ["file:password", "env:DESKHAND_TEST_PASSWORD"])
def test_the_password_of_a_server_is_a_reference_and_never_shown(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str
) -> None:
    (tmp_path / "password").write_text("p@ss:word/1\n")
    monkeypatch.setitem(os.environ, "DESKHAND_TEST_PASSWORD", "p@ss:word/1")
    configuration = load(write(f'[records]\nurl = "{URL}"\npassword = "{reference}"\n'))
    url = make_url(records_url(configuration))
    assert (url.password, url.username, url.host, url.database) == ("p@ss:word/1", "desk", "db.example", "records")
    assert "word" not in records_location(configuration)
    assert "word/1" not in str(configuration.model_dump(mode="json"))
    assert "word/1" not in repr(configuration)
    assert records_keys(configuration) == tmp_path / "state" / "records"


def test_a_server_may_need_no_password(write: Write) -> None:
    assert records_url(load(write(f'[records]\nurl = "{URL}"\n'))) == URL


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///records.db",
        "postgresql://desk@db.example/records",
        "postgresql+psycopg://",
        "postgresql+psycopg://desk@db.example",
        "postgresql+psycopg://desk@db.example:many/records",
        "nonsense",
    ],
)
def test_another_kind_of_url_is_refused_with_one_that_works(refused: Refused, url: str) -> None:
    (problem,) = refused(f'[records]\nurl = "{url}"\n')
    assert problem.key == "records.url"
    assert "postgresql+psycopg://user@host/database" in problem.expected


@pytest.mark.parametrize(
    "url",
    ["postgresql+psycopg://desk:hunter2@db.example/records", f"{URL}?password=hunter2"],
)
def test_a_password_in_the_url_is_refused_and_not_repeated(refused: Refused, url: str) -> None:
    (problem,) = refused(f'[records]\nurl = "{url}"\n')
    assert "set `password` beside it" in problem.expected
    assert "hunter2" not in str(problem)


def test_a_password_that_is_not_there_is_told(refused: Refused) -> None:
    (problem,) = refused(f'[records]\nurl = "{URL}"\npassword = "file:nowhere"\n')
    assert problem.key == "records.password"
    assert "chmod 600" in problem.fix
