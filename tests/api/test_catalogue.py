"""What a spec may name is listed, described, and the nearest name is offered for a wrong one."""

from __future__ import annotations

from typing import Any

import pytest
from api_client import Api, Truth

from kdcore.spec import methods
from kdcore.spec.catalogue import architectures
from store import workers


def names(api: Api, path: str) -> list[str]:
    found: list[str] = []
    query = "?limit=7"
    while query:
        page = api.get(f"{path}{query}").json()
        found += [one["name"] for one in page["data"]]
        query = f"?limit=7&after={page['next_cursor']}" if page["has_more"] else ""
    return found


def test_every_list_is_read_whole_in_pages(api: Api) -> None:
    assert names(api, "/v1/methods") == [info.name for info in methods()]
    assert names(api, "/v1/architectures") == [info.name for info in architectures()]
    assert "digits" in names(api, "/v1/datasets:builtin")
    assert api.get("/v1/architectures?after=nonsense").status_code == 422


def test_a_method_says_its_paper_and_its_options(api: Api) -> None:
    method = api.get("/v1/methods/fitnet").json()
    assert "1412.6550" in method["paper"]
    assert set(method["defaults"]) == set(method["options_schema"]["properties"])


def test_an_architecture_is_described_for_a_dataset_and_a_width(api: Api) -> None:
    wide, narrow = (
        api.get(f"/v1/architectures/resnet8?dataset=digits&width={width}").json()["description"] for width in (1, 0.5)
    )
    assert narrow["parameters"] < wide["parameters"]
    assert narrow["layers"][0]["path"] == wide["layers"][0]["path"]
    slashed = api.get("/v1/architectures/torchvision/resnet18").json()
    assert (slashed["object"], slashed["info"]["name"]) == ("architecture", "torchvision/resnet18")


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/v1/methods/fitnets", 404, "fitnet"),
        ("/v1/architectures/resnet18", 404, "torchvision/resnet18"),
        ("/v1/architectures/%00", 404, "nearest"),
        ("/v1/architectures/resnet8?dataset=digit", 422, "digits"),
        ("/v1/architectures/resnet8?width=0", 422, "width"),
        ("/v1/architectures/resnet8?width=nan", 422, "width"),
        ("/v1/architectures/resnet8?depth=3", 422, "depth"),
        ("/v1/architectures/torchvision/inception_v3?dataset=digits", 422, "75x75"),
    ],
)
def test_what_does_not_exist_is_answered_with_a_way_on(api: Api, path: str, status: int, said: str) -> None:
    answer = api.get(path)
    assert answer.status_code == status, answer.text
    assert said in answer.text


def test_the_published_schema_names_the_fields_of_a_spec(api: Api, spec: dict[str, object]) -> None:
    schema = api.get("/v1/schema/job").json()
    assert schema["additionalProperties"] is False
    assert set(spec) <= set(schema["properties"])
    assert set(schema["required"]) <= set(spec)


def test_a_worker_is_listed_while_it_is_heard(api: Api) -> None:
    from store import workers

    with api.services.database.write() as session:
        workers.heartbeat(session, "w1", {"resource_classes": ["cpu"], "host": "here"})
    listed = api.get("/v1/workers").json()["data"]
    assert [(one["id"], one["resource_classes"], one["facts"]["host"]) for one in listed] == [("w1", ["cpu"], "here")]
    assert api.get("/v1/overview").json()["workers"] == 1
    with api.services.database.write() as session:
        workers.leave(session, "w1")
    assert api.get("/v1/workers").json()["data"] == []


def test_queues_show_what_waits_of_the_project_and_who_serves_it(api: Api, truth: Truth, spec: dict[str, Any]) -> None:
    api.submit(spec)
    api.submit(spec, resources={"needs_gb": 100})
    other = api.with_key(truth.key(project="elsewhere"))
    other.submit(spec)
    with truth.database.write() as session:
        workers.heartbeat(session, "w1", {"resource_classes": ["cpu", "cpu-16g"]})
    found = {one["resource_class"]: one for one in api.get("/v1/queues").json()["data"]}
    assert {name: (one["jobs"], one["workers"]) for name, one in found.items()} == {
        "cpu": (1, 1),
        "cpu-128g": (1, 0),
        "cpu-16g": (0, 1),
    }
    assert found["cpu"]["oldest_seconds"] >= found["cpu-16g"]["oldest_seconds"] == 0
