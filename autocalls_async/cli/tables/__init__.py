"""Tables in files: text, JSON lines and workbooks, read and written."""
