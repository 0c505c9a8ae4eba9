"""User data: a reader for each kind of file, and the checks that all of them share."""
