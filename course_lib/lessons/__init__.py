"""Sources and notebooks: list, build, lint, run, grade, copy. Text in, text out; torch is never imported."""
