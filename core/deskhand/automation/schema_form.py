"""The JSON Schema of an automation, for editors that check and complete while an admin types."""

import json

from deskhand.automation.document import Automation

ADDRESS = "https://json-schema.org/draft/2020-12/schema"


def schema() -> str:
    """Return the schema as JSON, the same for every installation of this version; docs/automation.schema.json is it."""
    document = {"$schema": ADDRESS, **Automation.model_json_schema(mode="validation")}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
