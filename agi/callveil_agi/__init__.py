"""The FastAGI server and the spawned AGI script."""
