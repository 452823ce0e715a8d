"""The guide's example is a document that loads, passes every check and accepts the guide's overlay."""

import json
import re
from typing import get_args

import yaml
from pydantic import TypeAdapter

from deskhand.automation.flow import Flow, faults, leaves
from deskhand.automation.known import known
from deskhand.automation.linter import lint
from deskhand.automation.overlay import Overlay, effective
from deskhand.automation.plan import OnFailure
from deskhand.automation.stage import Stage
from deskhand.automation.yaml_form import load, read
from deskhand.registry import Registry
from tests.repository import ROOT

PAGE = (ROOT / "docs" / "guide" / "automations.md").read_text(encoding="utf-8")
EXAMPLE, FLOW, OVERLAY = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_guides_example_passes_every_check_with_the_installed_plugins() -> None:
    actions = known(action for plugin in Registry.discover().plugins.values() for action in plugin.actions)
    assert lint(load(EXAMPLE), actions, stage=Stage.AUTO) == ()


def test_the_guides_overlay_fits_its_example() -> None:
    found = effective(load(EXAMPLE), read(OVERLAY, Overlay))
    assert len(found.differences) == 2


def test_the_guides_flow_is_one() -> None:
    value = yaml.safe_load(FLOW)
    flow = TypeAdapter(Flow).validate_json(json.dumps(value["flow"]))
    assert list(faults(flow, {leaf.step_id for leaf in leaves(flow)})) == []
    assert {type(block).__name__ for block in flow} == {"str", "Choose", "Parallel", "ForEach", "AskApproval", "Pause"}
    assert value["on_failure"] in get_args(OnFailure)


def test_the_guide_names_every_check_and_every_source() -> None:
    from deskhand.automation.document import Check, FactSource  # noqa: PLC0415  # named where they are used

    assert [each.value for each in (*Check, *FactSource) if f"`{each.value}`" not in PAGE] == []
