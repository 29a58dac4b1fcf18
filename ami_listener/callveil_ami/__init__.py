"""The AMI session, the journal and the recorder."""
