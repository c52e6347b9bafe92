"""A command's options as a frozen class: each field, written once, is an option."""

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import attrs
import typer

_CONTEXT = inspect.Parameter(
    "_context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context
)


def spread(command: Callable[..., None]) -> Callable[..., None]:
    """Show typer a command's parameters, those of an attrs class field by field.

    A field's type says what the option is, as a parameter's would. A class among
    the fields is spread, too; what `__init__` does not take is no option. One with a
    method `settled` is asked by it for what it comes to, given what was typed.
    """
    own = inspect.signature(command).parameters.values()
    asked = [p for p in own if p.annotation is typer.Context]
    context = asked[0] if asked else _CONTEXT  # typer gives one alone
    others = (option for p in own if p is not context for option in _options(p))
    signature = inspect.Signature([_keyword(context), *others])

    @wraps(command)
    def call(**given: Any) -> None:  # noqa: ANN401  # typer's
        typed = frozenset(n for n in given if _is_typed(given[context.name], n))
        command(**{p.name: _gather(p.name, p.annotation, given, typed) for p in own})

    call.__signature__ = signature  # type: ignore[attr-defined]  # what inspect looks for
    call.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    return call


def _options(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    if not attrs.has(parameter.annotation):
        yield _keyword(parameter)
        return
    for name, kind, default in _fields(parameter.annotation):
        yield from _options(
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=parameter.empty if default is attrs.NOTHING else default,
                annotation=kind,
            )
        )


def _keyword(parameter: inspect.Parameter) -> inspect.Parameter:
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _gather(
    name: str,
    kind: Any,  # noqa: ANN401  # an option's
    given: dict[str, Any],
    typed: frozenset[str],
) -> Any:  # noqa: ANN401  # an option's
    if not attrs.has(kind):
        return given[name]
    made = kind(
        **{name: _gather(name, type_, given, typed) for name, type_, _ in _fields(kind)}
    )
    return made.settled(typed) if hasattr(made, "settled") else made


def _fields(kind: type[attrs.AttrsInstance]) -> list[tuple[str, Any, Any]]:
    return [(a.name, a.type, a.default) for a in attrs.fields(kind) if a.init]


def to_words(options: attrs.AttrsInstance, *, without: frozenset[str]) -> Iterator[str]:
    """Return the options that are not at their defaults, as they are typed.

    Args:
        options: Its fields have the names of the options.
        without: Fields that are left out.
    """
    for name, kind, default in _fields(type(options)):
        value = getattr(options, name)
        if attrs.has(kind):
            yield from to_words(value, without=without)
        elif name not in without and value != default:
            yield from _type(f"--{name.replace('_', '-')}", value)


def _type(option: str, value: object) -> Iterator[str]:
    match value:
        case True:
            yield option
        case list() | tuple():
            for one in value:
                yield from (option, str(one))
        case _:
            yield from (option, str(value))
