"""The sandbox over HTTP: its page, and a control API for programs in any language."""
