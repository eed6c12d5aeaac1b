"""`distill methods`, `architectures`, `workers`, `queues`: what the service has to offer."""

import typer

from distillery import format as form
from distillery.catalogue_view import (
    show_architecture,
    show_architectures,
    show_method,
    show_methods,
    show_workers,
)
from distillery.common import AsJson, client, out, print_json, table

methods_app = typer.Typer(invoke_without_command=True, help="List the distillation methods, or show one of them.")
architectures_app = typer.Typer(invoke_without_command=True, help="List the networks, or show one of them.")


def register(app: typer.Typer) -> None:
    app.add_typer(methods_app, name="methods")
    app.add_typer(architectures_app, name="architectures")
    app.command()(workers)
    app.command()(queues)


@methods_app.callback()
def methods(context: typer.Context, json: AsJson = False) -> None:
    """List the distillation methods."""
    if context.invoked_subcommand is not None:
        return
    with client(context) as service:
        found = service.methods()
    print_json(found) if json else show_methods(out(), found)


@methods_app.command("show")
def methods_show(context: typer.Context, name: str, json: AsJson = False) -> None:
    """Show one method: its paper, its options with their defaults, what it needs."""
    with client(context) as service:
        found = service.method(name)
    print_json(found) if json else show_method(out(), found)


@architectures_app.callback()
def architectures(context: typer.Context, json: AsJson = False) -> None:
    """List the networks that a teacher or student can be."""
    if context.invoked_subcommand is not None:
        return
    with client(context) as service:
        found = service.architectures()
    print_json(found) if json else show_architectures(out(), found)


@architectures_app.command("show")
def architectures_show(context: typer.Context, name: str, json: AsJson = False) -> None:
    """Show one network: its size and the layers that a method can look at."""
    with client(context) as service:
        found = service.architecture(name)
    print_json(found) if json else show_architecture(out(), found)


def workers(context: typer.Context, json: AsJson = False) -> None:
    """List the workers that were heard from lately."""
    with client(context) as service:
        found = service.workers()
    print_json(found) if json else show_workers(out(), found)


def queues(context: typer.Context, json: AsJson = False) -> None:
    """Show what waits for which class of workers, and how many serve it."""
    with client(context) as service:
        found = service.queues()
    if json:
        print_json(found)
        return
    rows = [
        [one["resource_class"], str(one["jobs"]), form.duration(one["oldest_seconds"]), str(one["workers"])]
        for one in found
    ]
    table(("class", "jobs", "oldest waits", "workers"), rows)
