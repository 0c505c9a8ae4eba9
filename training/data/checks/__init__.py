"""Checks of user data: each raises a ValueError that says what to do, or returns notes for the user."""
