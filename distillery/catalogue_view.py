"""Methods, architectures, datasets and workers as tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from distillery import format as form

Item = Mapping[str, Any]
LAYERS_SHOWN = 40


def show_methods(console: Console, methods: Sequence[Item]) -> None:
    table = _table("name", "title", "what it does")
    for method in methods:
        table.add_row(method["name"], method["title"], method["summary"])
    console.print(table)
    console.print("More about one: distill methods show NAME", style="dim")


def show_method(console: Console, method: Item) -> None:
    """One method with its options, each with type, default and meaning."""
    console.print(Text.assemble((method["name"], "bold"), f"  {method['title']}"))
    for text in (method["summary"], method.get("paper")):
        if text:
            console.print(Text(text), soft_wrap=True)
    if method.get("needs"):
        console.print(f"needs {', '.join(method['needs'])}", markup=False)
    for line in method.get("formula") or ():
        console.print(Text(line, style="cyan"), soft_wrap=True)
    for piece in method.get("pieces") or ():
        source = f"  ({piece['source']})" if piece["source"] else ""
        console.print(Text.assemble((piece["kind"], "bold"), f"  {piece['summary']}{source}"), soft_wrap=True)
    if method.get("reconstruction"):
        console.print(Text.assemble(("reconstruction  ", "yellow"), method["reconstruction"]), soft_wrap=True)
    schema = method.get("options_schema") or {}
    if options := schema.get("properties"):
        table = _table("option", "default", "takes")
        for name, option in options.items():
            table.add_row(name, str((method.get("defaults") or {}).get(name, form.DASH)), _takes(option))
        console.print(table)
        console.print(Text(schema.get("description", ""), style="dim"), soft_wrap=True)


def show_architectures(console: Console, architectures: Sequence[Item]) -> None:
    table = _table("name", "parameters", "MACs", "smallest input", "what it is", right=("parameters", "MACs"))
    for item in architectures:
        smallest = f"{item['min_input']} × {item['min_input']}" if item["input"] == "image" else str(item["min_input"])
        table.add_row(
            item["name"], form.count(item["parameters"]), form.count(item["macs"]), smallest, item["description"]
        )
    console.print(table)


def show_architecture(console: Console, found: Item) -> None:
    """One network with the layers that a method can name."""
    info, description = found["info"], found["description"]
    console.print(Text.assemble((info["name"], "bold"), f"  {info['description']}"))
    shape = " × ".join(map(str, found["input_shape"]))
    sizes = f"{form.count(description['parameters'])} parameters, {form.count(description['macs'])} MACs"
    console.print(f"{sizes} for {found['num_classes']} classes and input {shape}", markup=False)
    console.print(f"features {', '.join(description['features'])}; middle {description['middle']}", markup=False)
    table = _table("layer", "kind", "shape")
    for layer in description["layers"][:LAYERS_SHOWN]:
        table.add_row(layer["path"], layer["kind"], " × ".join(map(str, layer["shape"])))
    console.print(table)
    if (left := len(description["layers"]) - LAYERS_SHOWN) > 0:
        console.print(f"... and {left} more: distill architectures show {info['name']} --json", markup=False)


def show_datasets(console: Console, datasets: Sequence[Item]) -> None:
    table = _table("name", "title", "classes", "input", "train", "test", "where", right=("classes", "train", "test"))
    for item in datasets:
        where = "operator's data folder" if item.get("needs_folder") else "built in"
        shape = " × ".join(map(str, item["input_shape"]))
        test = f"{item['test']:,}" if item.get("test") else "cut from train"
        table.add_row(item["name"], item["title"], str(item["num_classes"]), shape, f"{item['train']:,}", test, where)
    console.print(table)


def show_workers(console: Console, workers: Sequence[Item]) -> None:
    if not workers:
        console.print("No worker was heard from lately: start one with `distill up` or `distill worker`.", markup=False)
        return
    table = _table("id", "serves", "host", "process", "device", "heard from")
    for worker in workers:
        facts = worker.get("facts") or {}
        device = facts.get("device") or {}
        devices = ", ".join(device.get("gpus") or []) or f"{device.get('cpus', '?')} × {device.get('cpu', 'CPU')}"
        table.add_row(
            worker["id"],
            ", ".join(worker.get("resource_classes") or []),
            str(facts.get("host", "")),
            str(facts.get("pid", "")),
            devices,
            form.ago(worker.get("heartbeat_at")),
        )
    console.print(table)


def _takes(option: Item) -> str:
    """The values that a JSON schema allows, in a few words."""
    if "enum" in option:
        return " or ".join(map(str, option["enum"]))
    if "anyOf" in option:
        return " or ".join(_takes(choice) for choice in option["anyOf"])
    words = {"exclusiveMinimum": "above", "minimum": "from", "exclusiveMaximum": "below", "maximum": "up to"}
    bounds = [f"{word} {option[key]:g}" for key, word in words.items() if key in option]
    return " ".join([str(option.get("type", "anything")), *bounds])


def _table(*columns: str, right: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in columns:
        table.add_column(title, justify="right" if title in right else "left", overflow="fold")
    return table
