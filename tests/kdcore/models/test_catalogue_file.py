"""The catalogue's file is what its generator writes from today's networks."""

import json

import pytest

from kdcore.models.catalogue import family_record, line, network_record
from kdcore.models.registry import families, family
from kdcore.spec.catalogue import architectures
from kdcore.spec.catalogue_records import FILE

LINES = FILE.read_text(encoding="utf-8").splitlines()
STALE = "kdcore/spec/catalogue.json is not what the networks are: run `make catalogue`"


def written(record):
    text = line(record)
    return text in LINES or f"{text}," in LINES


@pytest.mark.parametrize(
    "name",
    [
        "resnet20",
        "resnet8x4",
        "wrn-40-2",
        "fitnet1",
        "maxout-teacher",
        "torchvision/squeezenet1_1",
    ],
)
def test_the_lines_of_a_network_are_up_to_date(name):
    owner = family(name)
    prototypes = [p for p in owner.prototypes if p.name == name or p.depth]
    chosen = [p for p in prototypes if p.build_name.split("-")[2:] == name.split("-")[2:]]
    assert chosen
    for prototype in chosen:
        assert written(network_record(owner, prototype)), STALE


@pytest.mark.parametrize("name", ["resnet20", "resnet8x4", "fitnet1", "maxout-teacher", "torchvision/alexnet"])
def test_the_line_of_a_family_is_up_to_date(name):
    assert written(family_record(family(name))), STALE


def test_the_installed_torchvision_has_every_network_of_the_catalogue():
    built = {name for candidate in families() for name in candidate.names}
    assert {info.name for info in architectures()} <= built


def test_every_network_has_a_line_of_its_own_and_the_file_stays_small():
    content = json.loads("\n".join(LINES))
    assert len(content["networks"]) + len(content["families"]) + 4 == len(LINES)
    assert FILE.stat().st_size < 1_500_000


def test_every_prototype_is_in_the_file():
    names = [network["name"] for network in json.loads("\n".join(LINES))["networks"]]
    known = {info.name for info in architectures()}
    expected = [p.name for f in families() for p in f.prototypes if p.depth or p.name in known]
    assert sorted(names) == sorted(expected)
