"""The catalogue's files are what their generator writes from today's networks."""

import json

import pytest

from kdcore.models.catalogue import family_record, line, network_record
from kdcore.models.registry import GROUPS, families, families_of, family
from kdcore.spec.catalogue import architectures
from kdcore.spec.catalogue_records import FOLDER, groups

STALE = "kdcore/spec/catalogues is not what the networks are: run `make catalogue`"


def lines(group):
    return (FOLDER / f"{group}.json").read_text(encoding="utf-8").splitlines()


WRITTEN = {text.rstrip(",") for group in groups() for text in lines(group)}


@pytest.mark.parametrize(
    "name",
    [
        "resnet20",
        "resnet8x4",
        "wrn-40-2",
        "fitnet1",
        "maxout-teacher",
        "bert-2",
        "minilm-6",
        "resnet1d-14",
        "tcn-4",
        "series-transformer-2",
        "mlp-2",
        "torchvision/squeezenet1_1",
    ],
)
def test_the_lines_of_a_network_are_up_to_date(name):
    owner = family(name)
    prototypes = [p for p in owner.prototypes if p.name == name or p.depth]
    chosen = [p for p in prototypes if not name.startswith("wrn") or p.build_name.split("-")[2:] == name.split("-")[2:]]
    assert chosen
    for prototype in chosen:
        assert line(network_record(owner, prototype)) in WRITTEN, STALE


@pytest.mark.parametrize(
    "name",
    [
        "resnet20",
        "resnet8x4",
        "fitnet1",
        "maxout-teacher",
        "bert-2",
        "bert-tiny",
        "gpt-2",
        "tcn-4",
        "mlp-2",
        "torchvision/alexnet",
    ],
)
def test_the_line_of_a_family_is_up_to_date(name):
    assert line(family_record(family(name))) in WRITTEN, STALE


def test_the_installed_libraries_have_every_network_of_the_catalogue():
    built = {name for candidate in families() for name in candidate.names}
    assert {info.name for info in architectures()} <= built


@pytest.mark.parametrize("group", groups())
def test_every_network_has_a_line_of_its_own_and_the_file_stays_small(group):
    content = json.loads("\n".join(lines(group)))
    assert len(content["networks"]) + len(content["families"]) + 4 == len(lines(group))
    assert (FOLDER / f"{group}.json").stat().st_size < 1_000_000


@pytest.mark.parametrize("group", groups())
def test_every_prototype_is_in_its_group_s_file(group):
    names = [network["name"] for network in json.loads("\n".join(lines(group)))["networks"]]
    known = {info.name for info in architectures()}
    expected = [p.name for f in families_of(group) for p in f.prototypes if p.depth or p.name in known]
    assert sorted(names) == sorted(expected)


def test_every_group_has_a_file_and_every_file_a_group():
    assert sorted(GROUPS) == sorted(groups())
