"""What stands behind the command ``course``."""
