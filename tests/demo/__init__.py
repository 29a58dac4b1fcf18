"""`make demo`: the main job on a real Asterisk, on one screen."""
