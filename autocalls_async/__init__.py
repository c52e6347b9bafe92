"""An asyncio client for the Autocalls WhatsApp API."""
