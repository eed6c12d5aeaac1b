"""How a described request becomes a method: of a client that waits for the answer, or of one that is awaited."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial, wraps
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, overload

from distillery.calls.requests import Call, Pages

P = ParamSpec("P")
T = TypeVar("T")
Made = TypeVar("Made")
Kept = TypeVar("Kept")


class Asks(Protocol):
    """What sends requests and waits."""

    def call(self, call: Call[Any]) -> Any: ...
    def pages(self, pages: Pages[Any]) -> Iterator[Any]: ...


class AsyncAsks(Protocol):
    """What sends requests and is awaited."""

    def call(self, call: Call[Any]) -> Awaitable[Any]: ...
    def pages(self, pages: Pages[Any]) -> AsyncIterator[Any]: ...


class Operation(Generic[P, Made, Kept]):
    """A method of a client, with the parameters and the words of `describe`."""

    def __init__(self, describe: Callable[P, Made], send: Callable[[Any, Made], Kept]) -> None:
        self._describe, self._send = describe, send

    @overload
    def __get__(self, client: None, owner: type) -> Callable[Concatenate[Any, P], Kept]: ...
    @overload
    def __get__(self, client: Any, owner: type) -> Callable[P, Kept]: ...
    def __get__(self, client: Any, owner: type) -> Callable[..., Kept]:
        return self._unbound() if client is None else wraps(self._describe)(partial(self._unbound(), client))

    def _unbound(self) -> Callable[Concatenate[Any, P], Kept]:
        @wraps(self._describe)
        def method(client: Any, /, *args: P.args, **options: P.kwargs) -> Kept:
            return self._send(client.transport, self._describe(*args, **options))

        return method


def asks(describe: Callable[P, Call[T]]) -> Operation[P, Call[T], T]:
    """Sends one request and gives its answer."""

    def send(transport: Asks, call: Call[T]) -> T:
        answer: T = transport.call(call)
        return answer

    return Operation(describe, send)


def walks(describe: Callable[P, Pages[T]]) -> Operation[P, Pages[T], Iterator[T]]:
    """Gives a list one by one, asking for pages as they are needed."""

    def send(transport: Asks, pages: Pages[T]) -> Iterator[T]:
        return transport.pages(pages)

    return Operation(describe, send)


def gathers(describe: Callable[P, Pages[T]]) -> Operation[P, Pages[T], list[T]]:
    """Gives a whole list."""

    def send(transport: Asks, pages: Pages[T]) -> list[T]:
        return list(transport.pages(pages))

    return Operation(describe, send)


def awaits(describe: Callable[P, Call[T]]) -> Operation[P, Call[T], Awaitable[T]]:
    """Like `asks`, awaited."""

    def send(transport: AsyncAsks, call: Call[T]) -> Awaitable[T]:
        return transport.call(call)

    return Operation(describe, send)


def awalks(describe: Callable[P, Pages[T]]) -> Operation[P, Pages[T], AsyncIterator[T]]:
    """Like `walks`, with `async for`."""

    def send(transport: AsyncAsks, pages: Pages[T]) -> AsyncIterator[T]:
        return transport.pages(pages)

    return Operation(describe, send)


def agathers(describe: Callable[P, Pages[T]]) -> Operation[P, Pages[T], Awaitable[list[T]]]:
    """Like `gathers`, awaited."""

    async def send(transport: AsyncAsks, pages: Pages[T]) -> list[T]:
        return [item async for item in transport.pages(pages)]

    return Operation(describe, send)
