"""The small program of the tests and the demo: a hotline and an office, with and without Callveil."""
