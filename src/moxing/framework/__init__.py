"""What every MoXing sub-package shares."""
