"""How secrets look where people read them: logs, reprs and exception texts.

Pure: no I/O, no clock, no asyncio.
"""

import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_DOTS = "•••"
_TAIL_COUNT = 4
_HIDDEN_COUNT = 3
_PHONE_LENGTH = 7  # fewer digits reach nobody in the international plan
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def mask_phone(value: str) -> str:
    """Show a phone number's ends: `+14155550123` becomes `+1415•••0123`.

    Whatever else stands between the digits stays, so that a badly written
    number can still be recognised: `(415) 555-0123` becomes `(415•••0123`.
    Text with fewer than seven digits reaches nobody and is shown as it is.
    """
    digits = [i for i, c in enumerate(value) if c.isdigit()]
    if len(digits) < _PHONE_LENGTH:
        return value
    tail_count = min(_TAIL_COUNT, len(digits) - _HIDDEN_COUNT - 1)
    head_count = min(4, len(digits) - _HIDDEN_COUNT - tail_count)
    return value[: digits[head_count - 1] + 1] + _DOTS + value[digits[-tail_count] :]


def mask_phone_repr(value: str) -> str:
    """Return the `repr` of a phone number, masked."""
    return repr(mask_phone(value))


def show_code(code: str) -> str:
    """Show a code that the service gave us, unless it is no code at all.

    A code comes from outside: anything but a short identifier with few digits
    could carry a number, a text or control characters into a log line.
    """
    is_code = _CODE.fullmatch(code) and mask_phone(code) == code
    return code if is_code else "code withheld"


def forgetful(function: Callable[P, T]) -> Callable[P, T]:
    """Return a function whose arguments no traceback shows when it refuses them.

    Tracers export the variables of each frame that an error went through, so it
    goes through none that holds them.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except (TypeError, ValueError) as error:
            refusal = error.with_traceback(None)
        finally:
            del args, kwargs
        raise refusal

    # What attrs wrote there is no function's to evaluate, so 3.14 copies nothing.
    call.__annotations__ = getattr(function, "__annotations__", {})
    return call


def forgetful_class(kind: type[T]) -> type[T]:
    """Let no traceback show what a class was called with when it refuses it."""
    kind.__init__ = forgetful(kind.__init__)  # type: ignore[method-assign]
    return kind
