"""What is not ours is exactly what was vendored, and what is ours asks for nothing from elsewhere."""

import hashlib
import re
import tomllib
from importlib.resources import files

STATIC = files("deskhand.web") / "static"
VENDORED = tomllib.loads((STATIC / "VENDORED.toml").read_text(encoding="utf-8"))


def test_each_vendored_file_is_as_it_was_vendored() -> None:
    listed = {name: each["sha256"] for package in VENDORED.values() for name, each in package["files"].items()}
    held = {
        each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in STATIC.iterdir() if each.name in listed
    }
    assert held == listed
    assert all(
        {"package", "version", "registry", "archive_sha256", "licence"} <= each.keys() for each in VENDORED.values()
    )


def test_every_script_is_vendored_and_nothing_else_is_there() -> None:
    ours = {"app.css", "icons.svg", "VENDORED.toml"}
    vendored = {name for package in VENDORED.values() for name in package["files"]}
    assert {each.name for each in STATIC.iterdir()} == ours | vendored


def test_our_own_files_name_no_other_place() -> None:
    for name in ("app.css", "icons.svg"):
        text = (STATIC / name).read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"https?:|//[a-z]|url\(|@import|<script|on\w+=", text), name


def test_every_icon_that_is_used_is_drawn() -> None:
    drawn = set(re.findall(r'<symbol id="(\w+)"', (STATIC / "icons.svg").read_text(encoding="utf-8")))
    used = set()
    for folder in files("deskhand.web").iterdir():
        if folder.is_dir():
            for template in folder.iterdir():
                if template.name.endswith(".html"):
                    used |= set(re.findall(r'icon\("(\w+)"\)', template.read_text(encoding="utf-8")))
    assert used <= drawn, used - drawn
    assert len(used) > 15
