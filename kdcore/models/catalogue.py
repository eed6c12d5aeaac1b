"""Writes ``kdcore/spec/catalogues/*.json`` from the networks themselves: ``python -m kdcore.models.catalogue``.

Each prototype is traced on the meta device at several sizes, classes, input channels and widths; what the traces have
in common is a tree of shared nodes, and every number that differs must be an expression of those sizes. Each group of
families has a file of its own. Named on the command line, groups or families are traced anew, the latter together with
those that their group's file does not know, and no other group's file is touched; without any name, all are.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from kdcore.models.family import Family, Prototype
from kdcore.models.landmarks import Landmarks, landmarks
from kdcore.models.probe import Probe
from kdcore.models.registry import GROUPS, families_of
from kdcore.models.trace import count_macs, dtype_of, on_meta
from kdcore.spec.catalogue_records import FOLDER, document

Record = dict[str, Any]


def main(only: Collection[str] = ()) -> None:
    """Write the groups' files, one family or network a line; with ``only`` the other families' lines stay."""
    names = {group: {family.name for family in families_of(group)} for group in GROUPS}
    unknown = sorted(set(only) - set(GROUPS) - {name for group in names.values() for name in group})
    if unknown:
        sys.exit(f"no family or group {', '.join(unknown)}")
    for group in GROUPS:
        wanted = names[group] if not only or group in only else names[group] & set(only)
        if wanted:
            _write(group, wanted)


def _write(group: str, wanted: Collection[str]) -> None:
    """Write one group's file, with ``wanted`` families and those that it does not know traced anew."""
    file = FOLDER / f"{group}.json"
    kept = document(group) if file.exists() else {"families": [], "networks": []}
    known = {record["family"]: record for record in kept["families"]}
    fresh = [family for family in families_of(group) if family.name in wanted or family.name not in known]
    listed = [line(family_record(one) if one in fresh else known[one.name]) for one in families_of(group)]
    networks = list(_networks(families_of(group), fresh, kept["networks"]))
    text = '{"families": [\n' + ",\n".join(listed) + '\n],\n"networks": [\n' + ",\n".join(networks) + "\n]}\n"
    FOLDER.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    sys.stderr.write(f"\r{group}: {len(networks)} networks, {len(text)} bytes{'':40}\n")


def _networks(listed: Collection[Family], fresh: Collection[Family], kept: Collection[Record]) -> Iterator[str]:
    """A line for each prototype: traced when its family is ``fresh`` or the file had none, else what it had."""
    traced = {(record["name"], line(record.get("when", {}))): record for record in kept}
    pairs = [(family, prototype) for family in listed for prototype in family.prototypes]
    for at, (family, prototype) in enumerate(pairs, start=1):
        sys.stderr.write(f"\r{at}/{len(pairs)} {prototype.name:40}")
        old = None if family in fresh else traced.get((prototype.name, line(prototype.when)))
        yield line(old or network_record(family, prototype))


def line(record: Mapping[str, Any]) -> str:
    """A record as one line of the file."""
    return json.dumps(record, separators=(",", ":"))


def family_record(family: Family) -> Record:
    """A family's line: description, options, and parameters and multiply-accumulates of the listed names."""
    classes, input_shape = family.reference
    tokens = {"vocabulary": family.vocabulary, "source_length": family.source_length}
    return {
        "family": family.name,
        "description": family.description,
        "pattern": family.pattern,
        "input": family.input,
        "tasks": list(family.tasks),
        "reference": {
            "num_classes": classes,
            "input_shape": list(input_shape),
            **{key: value for key, value in tokens.items() if value is not None},
        },
        "options": family.options,
        "names": {name: _totals(family, name) for name in family.names},
    }


def _totals(family: Family, name: str) -> list[int]:
    classes, input_shape = family.reference
    decided = {key: value for key, value in family.given.options().items() if key in family.options}
    model = on_meta(lambda: family.made(name, classes, **decided))
    return [sum(p.numel() for p in model.parameters()), count_macs(model, input_shape, dtype_of(family.input))]


def network_record(family: Family, prototype: Prototype) -> Record:
    """A network's line: its limits and landmarks, and its nodes with sizes as expressions."""
    probe = Probe(family, prototype)
    tree = probe.nodes()
    record = {
        "name": prototype.name,
        "family": family.name,
        "when": prototype.when,
        "depth": prototype.depth,
        "input": {"min": probe.smallest_input(), **probe.sizes},
        **_landmark_record(landmarks(probe.model(probe.square(224))), prototype),
        "root": tree.root,
        "shapes": tree.shapes,
        "nodes": tree.nodes,
    }
    record["extra_macs"] = probe.extra_macs(record)
    return {key: value for key, value in record.items() if value not in (None, {})}


def _landmark_record(found: Landmarks, prototype: Prototype) -> Record:
    """Landmarks as they are, or at every depth: ``*`` for each block, ``$`` a stage's last, ``%`` the middle one."""
    repeated = prototype.depth is not None
    features, *aliases = (_globs(points, repeated) for points in (found.features, *found.aliases.values()))
    blocks, _, _ = found.middle.rpartition(".")
    return {
        "features": features,
        "classifier": found.classifier,
        "middle": f"{blocks}.{'$' if '.' in blocks else '%'}" if repeated else found.middle,
        "aliases": dict(zip(found.aliases, aliases, strict=True)),
    }


def _globs(points: Collection[str], repeated: bool) -> list[str]:
    return list(dict.fromkeys(re.sub(r"\.\d+", ".*", point) if repeated else point for point in points))


if __name__ == "__main__":
    main(sys.argv[1:])
