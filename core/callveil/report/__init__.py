"""The monthly report: numbers of calls, with the few-call cells protected."""
