"""What takes longer than a test: `fit` against other loops, and runs that are killed. See README.md."""
