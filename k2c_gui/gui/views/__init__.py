"""One file a dock or page."""
