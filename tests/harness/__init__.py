"""A real Asterisk with a carrier and phones around it, and a search for what stays on its disks."""
