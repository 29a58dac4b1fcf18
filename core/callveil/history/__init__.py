"""What Asterisk kept of calls before Callveil: found, counted and removed, place by place."""
