"""The OpenAPI document is complete, and changes only on purpose.

After a change that is meant: ``python tests/api/test_openapi.py`` writes the document anew.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from api.app import create_app
from api.docs import PROBLEM_TYPE
from store.settings import Settings

SNAPSHOT = Path(__file__).with_name("openapi.json")
REMEDY = "the API's document has changed; if that is meant, run: .venv/bin/python tests/api/test_openapi.py"


def document() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as home:
        made = create_app(Settings(home=Path(home))).openapi()
    found: dict[str, Any] = json.loads(json.dumps(made))
    return found


def text(made: dict[str, Any]) -> str:
    return json.dumps(made, indent=1, sort_keys=True) + "\n"


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return document()


def operations(made: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in made["paths"].values() for operation in path.values()]


def test_the_document_is_as_it_was(made: dict[str, Any]) -> None:
    assert made == json.loads(SNAPSHOT.read_text()), REMEDY


def test_every_operation_has_a_name_of_its_own_and_documented_problems(made: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(made)]
    assert len(names) == len(set(names)) == 116
    for operation in operations(made):
        assert operation["description"], operation["operationId"]
        refusals = {code: found for code, found in operation["responses"].items() if code >= "400"}
        assert {"400", "500", "503"} <= set(refusals)
        assert all(list(found["content"]) == [PROBLEM_TYPE] for found in refusals.values())
        assert all(found["content"][PROBLEM_TYPE]["example"] for found in refusals.values())


def test_every_reference_leads_somewhere(made: dict[str, Any]) -> None:
    schemas = made["components"]["schemas"]
    references = {part.split('"')[0] for part in json.dumps(made).split('"$ref": "')[1:]}
    assert references
    assert all(reference.removeprefix("#/components/schemas/") in schemas for reference in references)


def test_every_answer_in_json_has_an_example_that_its_schema_allows(made: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator

    shown = 0
    for operation in operations(made):
        for status, response in operation["responses"].items():
            for kind, media in response.get("content", {}).items():
                if "json" in kind:
                    assert "example" in media, f"{operation['operationId']} {status}"
                    schema = {**media["schema"], "components": made["components"]}
                    Draft202012Validator(schema).validate(media["example"])
                    shown += 1
    assert shown > 400


def test_every_body_in_json_has_an_example_that_its_schema_allows(made: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator

    bodies = [one["requestBody"]["content"] for one in operations(made) if "requestBody" in one]
    found = [content["application/json"] for content in bodies if "application/json" in content]
    assert len(found) > 12
    for media in found:
        schema = {**media["schema"], "components": made["components"]}
        Draft202012Validator(schema).validate(media["example"])


def test_changes_take_a_documented_body_or_none(made: dict[str, Any]) -> None:
    create = made["paths"]["/v1/jobs"]["post"]
    assert create["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/JobSpec"}
    assert "Idempotency-Key" in {parameter["name"] for parameter in create["parameters"]}


if __name__ == "__main__":
    SNAPSHOT.write_text(text(document()))
