"""`distill models`: bring a network, keep one from a job, name it, trace it, get it back."""

from typing import Annotated, Any

import typer

from distillery import cli_brought as brought
from distillery.cli_submit import explained
from distillery.client import Client
from distillery.common import AsJson, client, out, print_json, progress_bars
from distillery.model_view import show_lineage, show_local, show_model, show_models, show_version

models_app = typer.Typer(invoke_without_command=True, help="List models, bring one, keep one of a job, or trace it.")
ModelId = Annotated[str, typer.Argument(help="The model's id (mdl_...).", show_default=False)]
Version = Annotated[int | None, typer.Option("--version", min=1, help="Which; the latest when left out.")]


def register(app: typer.Typer) -> None:
    app.add_typer(models_app, name="models")


@models_app.callback()
def models(context: typer.Context, json: AsJson = False) -> None:
    """List the project's models."""
    if context.invoked_subcommand is not None:
        return
    with client(context) as service:
        found = list(service.models())
    print_json(found) if json else show_models(out(), found)


@models_app.command("list")
def list_(
    context: typer.Context,
    task: brought.Task = None,
    status: brought.Status = None,
    q: brought.Search = None,
    limit: brought.Limit = 20,
    local: Annotated[bool, typer.Option("--local", help="Pretrained weights that the operator offers.")] = False,
    json: AsJson = False,
) -> None:
    """List the project's models, or files of weights that the operator offers."""
    with client(context) as service:
        if local:
            files = service.local_weights()
            print_json(files) if json else show_local(out(), files)
            return
        found = list(service.models(task=task, status=status, q=q, limit=limit))
    print_json(found) if json else show_models(out(), found)


@models_app.command()
def create(
    context: typer.Context,
    paths: brought.Paths = None,
    options: brought.Options = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", "-s", help="An option, as options.shortcut=pad; may be repeated.")
    ] = None,
    name: brought.Name = None,
    format_: Annotated[str | None, typer.Option("--format", "-f", help="weights, huggingface, onnx, outputs")] = None,
    architecture: Annotated[str | None, typer.Option(help="Whose weights they are.")] = None,
    from_job: Annotated[str | None, typer.Option(help="Keep the student of this job.")] = None,
    place: Annotated[str | None, typer.Option("--import", help="A place of the operator's, as weights/x.pth.")] = None,
    into: Annotated[str | None, typer.Option(help="Id of a model that this is a further version of.")] = None,
    watch: brought.Watch = True,
    json: AsJson = False,
) -> None:
    """Send weights, a graph or a table and have a worker look at them, or keep what a job left."""
    if sum(map(bool, (paths, place, from_job))) != 1:
        raise typer.BadParameter("give files or folders to send, --import, or --from-job: one of the three")
    given = {"name": name, "format": format_, "architecture": architecture, "from_job": from_job}
    body = brought.order_of(options, set_, given)
    with client(context) as service:
        if from_job is None:
            body.data["source"] = brought.source_of(service, place, paths)
        with explained(body):
            made = _made(service, body.data, into)
        model_id = made["model_id"]
        if from_job is None:
            brought.follow_inspection(service, model_id, made, watch, json)
        found = service.model_version(model_id, made["number"])
    brought.tell_version(model_id, found, json, lambda: show_version(out(), found))


def _made(service: Client, body: dict[str, Any], into: str | None) -> dict[str, Any]:
    """The version that was made."""
    if into is not None:
        return service.create_model_version(into, body)
    return service.model_version(service.create_model(body)["id"], 1)


@models_app.command()
def show(context: typer.Context, model_id: ModelId, version: Version = None, json: AsJson = False) -> None:
    """Show one model with its versions, or what one version is."""
    with client(context) as service:
        if version is not None:
            one = service.model_version(model_id, version)
            print_json(one) if json else show_version(out(), one)
            return
        found, versions = service.model(model_id), service.model_versions(model_id)
    print_json(found | {"all_versions": versions}) if json else show_model(out(), found, versions)


@models_app.command()
def alias(
    context: typer.Context,
    model_id: ModelId,
    name: Annotated[str, typer.Argument(help="Such as champion.")],
    version: Annotated[int | None, typer.Argument(min=1, help="That it names from now on.")] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Forget the alias.")] = False,
) -> None:
    """Point a name at a version, or forget the name."""
    if remove == (version is not None):
        raise typer.BadParameter("give the version that the alias names, or --remove")
    with client(context) as service:
        if version is None:
            service.delete_model_alias(model_id, name)
        else:
            service.set_model_alias(model_id, name, version)
    said = "is forgotten" if version is None else f"names version {version}"
    out().print(f"{name} of {model_id} {said}", markup=False, soft_wrap=True)


@models_app.command()
def lineage(context: typer.Context, model_id: ModelId, version: Version = None, json: AsJson = False) -> None:
    """Show what a version was made from, and what was made from it."""
    with client(context) as service:
        graph = service.model_lineage(model_id, version)
    print_json(graph) if json else show_lineage(out(), graph)


@models_app.command()
def download(
    context: typer.Context,
    model_id: ModelId,
    directory: brought.Directory,
    version: Version = None,
) -> None:
    """Fetch the files of a version; what is there already is not fetched again."""
    with client(context) as service, progress_bars() as bars:
        number = version or brought.latest_of(service.model(model_id))
        paths = service.download_model(model_id, number, directory, report=bars)
    brought.tell_fetched(paths, number, directory)


@models_app.command()
def delete(context: typer.Context, model_id: ModelId, version: Version = None) -> None:
    """Delete a model with all its versions, or one version."""
    with client(context) as service:
        service.delete_model(model_id) if version is None else service.delete_model_version(model_id, version)
    brought.tell_deleted(model_id, version)
