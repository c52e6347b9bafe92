"""What can go wrong with a store of receipts.

Pure: no I/O, no clock, no asyncio. No text holds a whole number, nor any of SQLite's
own words, which quote what is in a damaged file.
"""

from attrs import define

from autocalls_async.model.errors import AutocallsError
from autocalls_async.model.values.naming import show_in


@define(eq=False, slots=False, str=False, repr=False, kw_only=True, auto_exc=False)
class DeliveryStoreError(AutocallsError):
    """The store of receipts cannot be used just now. What it confirmed is safe.

    Attributes:
        name: Of its file, or of what else it is.
        detail: What is wrong and, after a semicolon, what to do.
    """

    name: str
    detail: str

    @property
    def summary(self) -> str:
        """What is wrong, without advice."""
        return f"receipts {self.name}: {self.detail.partition('; ')[0]}"

    @property
    def advice(self) -> str:
        """What to do about it; empty where there is nothing to say."""
        return self.detail.partition("; ")[2]


show_in("autocalls_async.webhooks", "DeliveryStoreError", of=globals())
