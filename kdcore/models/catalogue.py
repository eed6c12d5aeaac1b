"""Writes ``kdcore/spec/catalogue.json`` from the networks themselves: ``python -m kdcore.models.catalogue``.

Each prototype is traced on the meta device at several sizes, classes, input channels and widths; what the traces have
in common is a tree of shared nodes, and every number that differs must be an expression of those sizes. Families named
on the command line are traced anew, and so are those that the file does not know; without any name, all are.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Mapping
from typing import Any

from kdcore.models.family import Family, Prototype
from kdcore.models.landmarks import Landmarks, landmarks
from kdcore.models.probe import Probe
from kdcore.models.registry import families
from kdcore.models.trace import count_macs, on_meta
from kdcore.spec.catalogue_records import FILE, document
from kdcore.spec.catalogue_sizes import Sizes

Record = dict[str, Any]


def main(only: Collection[str] = ()) -> None:
    """Write the catalogue, one family or network a line; with ``only`` every other family's lines stay as they are."""
    unknown = sorted(set(only) - {family.name for family in families()})
    if unknown:
        sys.exit(f"no family {', '.join(unknown)}")
    kept = document() if only else {"families": [], "networks": []}
    known = {record["family"]: record for record in kept["families"]}
    traced = {(record["name"], line(record.get("when", {}))): record for record in kept["networks"]}
    fresh = [family for family in families() if family.name in only or family.name not in known]
    listed = [line(family_record(family) if family in fresh else known[family.name]) for family in families()]
    pairs = [(family, prototype) for family in families() for prototype in family.prototypes]
    networks = []
    for at, (family, prototype) in enumerate(pairs, start=1):
        sys.stderr.write(f"\r{at}/{len(pairs)} {prototype.name:40}")
        old = None if family in fresh else traced.get((prototype.name, line(prototype.when)))
        networks.append(line(old or network_record(family, prototype)))
    text = '{"families": [\n' + ",\n".join(listed) + '\n],\n"networks": [\n' + ",\n".join(networks) + "\n]}\n"
    FILE.write_text(text, encoding="utf-8")
    sys.stderr.write(f"\r{len(networks)} networks, {len(text)} bytes{'':40}\n")


def line(record: Mapping[str, Any]) -> str:
    """A record as one line of the file."""
    return json.dumps(record, separators=(",", ":"))


def family_record(family: Family) -> Record:
    """A family's line: description, options, and parameters and multiply-accumulates of the listed names."""
    classes, input_shape = family.reference
    return {
        "family": family.name,
        "description": family.description,
        "pattern": family.pattern,
        "reference": {"num_classes": classes, "input_shape": list(input_shape)},
        "options": family.options,
        "names": {name: _totals(family, name) for name in family.names},
    }


def _totals(family: Family, name: str) -> list[int]:
    classes, input_shape = family.reference
    model = on_meta(lambda: family.build(name, classes))
    return [sum(p.numel() for p in model.parameters()), count_macs(model, input_shape)]


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
        **_landmark_record(landmarks(probe.model(Sizes(224, 224, 10, 3))), prototype),
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
