"""What is painted on the canvas of a micrograph: one file each, lowest layer first."""
