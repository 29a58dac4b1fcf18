"""What has been agreed with single people, kept without their numbers."""
