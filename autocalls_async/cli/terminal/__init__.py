"""What people at a terminal see and do: words, tables, signals, exit statuses."""
