"""The region of numbers that have no country's code."""

import phonenumbers


def check_region(region: str) -> str:
    """Return the region in capitals.

    Raises:
        ValueError: There is none of this name.
    """
    if region.upper() in phonenumbers.SUPPORTED_REGIONS:
        return region.upper()
    msg = f"--region must be the two letters of a country, such as US; got {region!r}"
    raise ValueError(msg)
