"""Callveil keeps survivors' phone numbers off far ends and off disks."""

__version__ = "0.1.0"
