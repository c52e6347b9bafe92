"""A griffe extension: signatures as people would write them.

Classes of attrs have the one that they have at run time, and no name has a module
before it that is loaded later.
"""

import inspect
import re
from importlib import import_module

import attrs
from griffe import Class, Extension, Function, Parameter, ParameterKind, Parameters

_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: ParameterKind.positional_only,
    inspect.Parameter.POSITIONAL_OR_KEYWORD: ParameterKind.positional_or_keyword,
    inspect.Parameter.VAR_POSITIONAL: ParameterKind.var_positional,
    inspect.Parameter.KEYWORD_ONLY: ParameterKind.keyword_only,
    inspect.Parameter.VAR_KEYWORD: ParameterKind.var_keyword,
}

_LATER = re.compile(r"\b_[a-z]+\.")


class Signatures(Extension):
    """Gives a class that attrs makes its `__init__`."""

    def on_class_members(self, *, cls: Class, **_: object) -> None:
        """Add what attrs adds when the class is made."""
        if "__init__" in cls.members or not cls.decorators:
            return
        made = getattr(import_module(cls.module.path), cls.name, None)
        if made is None or not attrs.has(made):
            return
        init = Function(
            "__init__", parameters=Parameters(*_parameters(cls, made)), parent=cls
        )
        cls.set_member("__init__", init)

    def on_function(self, *, func: Function, **_: object) -> None:
        """Leave out the private name of a module in what a function returns."""
        told = str(func.returns)
        if _LATER.search(told):
            func.returns = _LATER.sub("", told)


def _parameters(cls: Class, made: type) -> list[Parameter]:
    own = Parameter("self", kind=ParameterKind.positional_or_keyword)
    return [own, *(_parameter(cls, one) for one in _signature(made))]


def _signature(made: type) -> list[inspect.Parameter]:
    return list(inspect.signature(made).parameters.values())


def _parameter(cls: Class, one: inspect.Parameter) -> Parameter:
    field = cls.members.get(one.name)
    default = None if one.default is one.empty else _show(one.default)
    return Parameter(
        one.name,
        kind=_KINDS[one.kind],
        annotation=getattr(field, "annotation", None),
        default=default,
    )


def _show(default: object) -> str:
    return "..." if default is attrs.NOTHING else repr(default)
