"""`distill datasets`: bring data, see what was found in it, get it back."""

from typing import Annotated, Any

import typer

from distillery import cli_brought as brought
from distillery.catalogue_view import show_datasets
from distillery.cli_submit import explained
from distillery.client import Client
from distillery.common import AsJson, client, out, print_json, progress_bars
from distillery.dataset_view import show_dataset, show_found, show_list, show_samples, show_versions

datasets_app = typer.Typer(invoke_without_command=True, help="List datasets, bring one, or see what was found in it.")
DatasetId = Annotated[str, typer.Argument(help="The dataset's id (ds_...).", show_default=False)]
Version = Annotated[int | None, typer.Option("--version", min=1, help="Which; the newest when left out.")]


def register(app: typer.Typer) -> None:
    app.add_typer(datasets_app, name="datasets")


@datasets_app.callback()
def datasets(context: typer.Context, json: AsJson = False) -> None:
    """List the project's datasets and those that are built in."""
    if context.invoked_subcommand is not None:
        return
    with client(context) as service:
        found, builtin = list(service.datasets()), service.builtin_datasets()
    print_json(found) if json else show_list(out(), found, builtin)


@datasets_app.command("builtin")
def builtin_(context: typer.Context, json: AsJson = False) -> None:
    """List the datasets that nobody has to bring."""
    with client(context) as service:
        found = service.builtin_datasets()
    print_json(found) if json else show_datasets(out(), found)


@datasets_app.command("list")
def list_(
    context: typer.Context,
    task: brought.Task = None,
    status: brought.Status = None,
    q: brought.Search = None,
    limit: brought.Limit = 20,
    json: AsJson = False,
) -> None:
    """List the project's datasets."""
    with client(context) as service:
        found = list(service.datasets(task=task, status=status, q=q, limit=limit))
    print_json(found) if json else show_list(out(), found)


@datasets_app.command()
def create(
    context: typer.Context,
    paths: brought.Paths = None,
    options: brought.Options = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", "-s", help="An option, as size.height=32; may be repeated.")
    ] = None,
    name: brought.Name = None,
    format_: Annotated[str | None, typer.Option("--format", "-f", help="image-folder, table, coco, ...")] = None,
    place: Annotated[str | None, typer.Option("--import", help="A place of the operator's, as lake/scans.")] = None,
    quarantine: Annotated[bool, typer.Option("--quarantine", help="Leave damaged items out instead.")] = False,
    into: Annotated[str | None, typer.Option(help="Id of a dataset that this is a further version of.")] = None,
    watch: brought.Watch = True,
    json: AsJson = False,
) -> None:
    """Send files or folders, have a worker look at them, and print what it found."""
    if bool(paths) == (place is not None):
        raise typer.BadParameter("give files or folders to send, or --import: one of the two")
    body = brought.order_of(options, set_, {"name": name, "format": format_, "quarantine": quarantine or None})
    with client(context) as service:
        body.data["source"] = brought.source_of(service, place, paths)
        with explained(body):
            made = _made(service, body.data, into)
        dataset_id = made["dataset_id"]
        brought.follow_inspection(service, dataset_id, made, watch, json)
        found = service.dataset_version(dataset_id, made["number"])
        report = _report(service, found) if watch and not json else None
    brought.tell_version(dataset_id, found, json, lambda: show_found(out(), found, report) if watch else None)


def _made(service: Client, body: dict[str, Any], into: str | None) -> dict[str, Any]:
    """The version that was made."""
    if into is not None:
        return service.create_dataset_version(into, body)
    return service.dataset_version(service.create_dataset(body)["id"], 1)


def _report(service: Client, version: dict[str, Any]) -> dict[str, Any] | None:
    """What was found, where an inspection came so far."""
    files = {file["path"] for file in service.dataset_files(version["dataset_id"], version["number"])}
    return service.dataset_report(version["dataset_id"], version["number"]) if "report.json" in files else None


@datasets_app.command()
def show(context: typer.Context, dataset_id: DatasetId, json: AsJson = False) -> None:
    """Show one dataset with its versions."""
    with client(context) as service:
        found, versions = service.dataset(dataset_id), service.dataset_versions(dataset_id)
    print_json(found | {"all_versions": versions}) if json else show_dataset(out(), found, versions)


@datasets_app.command()
def versions(context: typer.Context, dataset_id: DatasetId, json: AsJson = False) -> None:
    """List the versions of a dataset."""
    with client(context) as service:
        found = service.dataset_versions(dataset_id)
    print_json(found) if json else show_versions(out(), found)


@datasets_app.command()
def report(context: typer.Context, dataset_id: DatasetId, version: Version = None, json: AsJson = False) -> None:
    """Show what the inspection found: counts, classes, leaks between splits, what was left out."""
    with client(context) as service:
        found = service.dataset_version(dataset_id, version or service.dataset(dataset_id)["versions"])
        told = service.dataset_report(dataset_id, found["number"])
    print_json(told) if json else show_found(out(), found, told)


@datasets_app.command()
def samples(context: typer.Context, dataset_id: DatasetId, version: Version = None, json: AsJson = False) -> None:
    """Show a few examples."""
    with client(context) as service:
        found = service.dataset_samples(dataset_id, version or brought.latest_of(service.dataset(dataset_id)))
    print_json(found) if json else show_samples(out(), found)


@datasets_app.command()
def download(
    context: typer.Context,
    dataset_id: DatasetId,
    directory: brought.Directory,
    version: Version = None,
) -> None:
    """Fetch the pack, its card, the report and the samples; what is there already is not fetched again."""
    with client(context) as service, progress_bars() as bars:
        number = version or brought.latest_of(service.dataset(dataset_id))
        paths = service.download_dataset(dataset_id, number, directory, report=bars)
    brought.tell_fetched(paths, number, directory)


@datasets_app.command()
def delete(context: typer.Context, dataset_id: DatasetId, version: Version = None) -> None:
    """Delete a dataset with all its versions, or one version."""
    with client(context) as service:
        service.delete_dataset(dataset_id) if version is None else service.delete_dataset_version(dataset_id, version)
    brought.tell_deleted(dataset_id, version)
