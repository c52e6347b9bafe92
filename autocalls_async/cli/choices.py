"""What an option can be one of; light, since every command's options are read."""

from enum import StrEnum


class FileFormat(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSONL = "jsonl"
    XLSX = "xlsx"
    """Any workbook; which kind it is, it says itself."""


class StateName(StrEnum):
    """What became of a message so far: the names of a journal's `State`."""

    NEW = "new"
    IN_FLIGHT = "in flight"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNSENT = "unsent"
    UNKNOWN = "unknown"


class Doubtful(StrEnum):
    """What a user can decide about."""

    UNKNOWN = "unknown"
    REJECTED = "rejected"


class Resolution(StrEnum):
    """What a user can decide about a message."""

    ACCEPTED = "accepted"
    NEW = "new"


class Repeats(StrEnum):
    """What is done with rows for somebody who has an earlier one."""

    FIRST = "first"
    ALL = "all"


class Changed(StrEnum):
    """What is done with rows for somebody who had another text from the journal."""

    SKIP = "skip"
    SEND = "send"


class HiddenRows(StrEnum):
    """What is done with rows that a sheet hides."""

    SKIP = "skip"
    SEND = "send"


class NumbersMeant(StrEnum):
    """How digits without a plus are meant, all of them."""

    INTERNATIONAL = "international"
    NATIONAL = "national"
