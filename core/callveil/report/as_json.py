"""A report as one JSON object."""

from __future__ import annotations

import json

from callveil.report import words
from callveil.report.month import Report
from callveil.report.rows import rows_of


def as_json(report: Report) -> str:
    """Return a report as JSON, with a line break at its end.

    A cell has a value for each field that its calls share; a field without a value (null) is not divided by.
    ``calls`` is null where the number is not shown.
    """
    data = {
        "month": str(report.month),
        "month_over": report.over,
        "detail": report.detail.value,
        "notes": words.notes(report),
        "cells": [
            {
                **{field: text or None for field, text in row.values.items()},
                "calls": row.calls,
                "shown": row.calls is not None,
            }
            for row in rows_of(report)
        ],
    }
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"
