"""What the service offers, and who serves it."""

from urllib.parse import quote

from distillery.calls.requests import Call, Json, Pages, path_of


def methods() -> Pages[Json]:
    """Every preset, with its paper and the schema of its options."""
    return Pages("/v1/methods")


def method(name: str) -> Call[Json]:
    """One preset, with its page."""
    return Call("GET", path_of("methods", name))


def architectures() -> Pages[Json]:
    """Every network that can be named in a spec."""
    return Pages("/v1/architectures")


def architecture(name: str) -> Call[Json]:
    """One network with its layers."""
    return Call("GET", f"/v1/architectures/{quote(name)}")


def builtin_datasets() -> Pages[Json]:
    """Every dataset that a spec can name without anybody having brought it."""
    return Pages("/v1/datasets:builtin")


def workers() -> Pages[Json]:
    """Workers heard from lately."""
    return Pages("/v1/workers")


def queues() -> Pages[Json]:
    """What waits for which class of workers, and how many serve it."""
    return Pages("/v1/queues")


def overview() -> Call[Json]:
    """Counts by status."""
    return Call("GET", "/v1/overview")


def ready() -> Call[Json]:
    """Whether the service can do its work now: database, tables and files; else an error that names what is missing."""
    return Call("GET", "/readyz")


def session() -> Call[Json]:
    """Who asks: the key's project, name and scopes."""
    return Call("GET", "/v1/session")


def schema() -> Call[Json]:
    """The JSON schema of a spec."""
    return Call("GET", "/v1/schema/job")
