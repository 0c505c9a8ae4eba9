"""The files that the client reads and writes."""
