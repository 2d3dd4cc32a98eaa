"""What a service's revision files say about each other: read, never run."""
