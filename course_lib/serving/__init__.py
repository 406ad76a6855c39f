"""Models on their way into use: what was tried, which model decides now, and how to go back."""
