"""Phone numbers as people keep them, read as those that the API takes.

It needs the extra `phones`. A number that could be read as two different ones is
refused and never guessed: spreadsheets drop the plus, and `4915123456789` in Germany
is then both a mobile with its country's code and a number of its own.
"""

from autocalls_async.model.persons import person_of
from autocalls_async.phones.parsing import AmbiguousPhoneError, Numbers, parse_phone

__all__ = ["AmbiguousPhoneError", "Numbers", "parse_phone", "person_of"]
